"""Names and roles of channels, and channels that come as one file each."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.images.channel_files import check_same_size, combine, group_channel_files
from cellapp.images.channels import (
    assign_channels,
    is_photo,
    parse_channels,
    stored_roles,
    unknown_roles,
    with_names,
)
from cellapp.images.read import open_slide
from cellapp.types.image import Region, Role
from tests.images.slides import noise, ome_tiff, slide_of
from tests.paths import shared_data

N, C, O, P = Role.NUCLEUS, Role.CYTOPLASM, Role.OTHER, Role.COLOUR  # noqa: E741


def info_of(*channels: str):
    return slide_of(np.zeros((len(channels), 4, 5), np.uint8), channels=channels).info


def test_assignments_are_read_in_order():
    assert parse_channels(" nucleus=3, cytoplasm = 2,far red=1 ") == {"nucleus": 3, "cytoplasm": 2, "far red": 1}
    assert parse_channels("") == {}


@given(numbers=st.permutations(range(1, 6)), n=st.integers(1, 5))
def test_what_is_written_is_what_is_read(numbers, n):
    channels = {f"channel {chr(97 + i)}": number for i, number in enumerate(numbers[:n])}
    assert parse_channels(",".join(f"{name}={number}" for name, number in channels.items())) == channels


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nucleus", "counted from 1; got 'nucleus'"),
        ("nucleus=first", "counted from 1"),
        ("nucleus=0", "counted from 1"),
        ("nucleus=-1", "counted from 1"),
        ("=2", "counted from 1"),
        ("nucleus=1,nucleus=2", "'nucleus' is given twice"),
        ("nucleus=2,cytoplasm=2", "'nucleus', 'cytoplasm' name the same channel 2"),
    ],
)
def test_unreadable_assignments_are_refused(text, words):
    with pytest.raises(InputError, match=words):
        parse_channels(text)


SLIPS = {
    Role.NUCLEUS: ["nucleii", "nucli", "nukleus", "Nucleuss", "nuclues", "nucelus", "NUCLEU", "nuceus", "nucleous"],
    Role.CYTOPLASM: ["cytoplasma", "zytoplasma", "Citoplasma", "cytplasm", "cytoplams", "cytoplazm"],
    Role.OTHER: ["others", "othr"],
}


@pytest.mark.parametrize(("role", "name"), [(role, name) for role, names in SLIPS.items() for name in names])
def test_what_is_nearly_a_role_is_refused_with_that_role(role, name):
    for read in (lambda: parse_channels(f"{name}=1"), lambda: assign_channels(info_of("a", "b"), {name: 1})):
        with pytest.raises(InputError, match=f"no role '{name}'; the nearest is '{role}'") as refused:
            read()
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "nucleus",
            "cytoplasm",
            "other",
            "NUCLEUS",
            "nucleus 2",
            "other_dye",
            "nuclei",
            "nucleolus",
            "nucleoli",
            "membrane",
            "cyto",
            "plasma",
        ),
        *("mother", "outer", "DAPI", "far red", "α", "核", "n", "405", "nuclear", "cytosolic", "nucleoid", "nuc2"),
    ],
)
def test_roles_and_words_of_their_own_are_taken(name):
    assert parse_channels(f"{name}=1") == {name: 1}


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        (("DAPI", "GFP", "orange"), (N, C, O)),
        (("Hoechst 33342", "Phalloidin", "Cy5"), (N, C, O)),
        (("actin", "cytoplasm", "nucleus"), (C, C, N)),
        (("gray",), (O,)),
        (("channel 1", "channel 2"), (O, O)),
        (("red", "green", "blue", "orange"), (O, C, N, O)),
        (("DNA", "DNA damage", "nuc"), (N, O, N)),
        (("nucleoli", "nucleus", "nucleolus"), (O, N, O)),
    ],
)
def test_roles_are_guessed_from_names(names, roles):
    assert assign_channels(info_of(*names), {}) == (names, roles)


def photo(*channels: str):
    return replace(info_of(*channels), is_photo=True)


@pytest.mark.parametrize(
    ("info", "channels", "roles"),
    [
        (photo("red", "green", "blue"), {}, (P, P, P)),
        (photo("red", "green", "blue"), {"first": 1}, (P, P, P)),
        (photo("R", "G", "B"), {}, (P, P, P)),
        (photo("red", "green", "blue"), {"nucleus": 3}, (O, O, N)),
        (photo("red", "green", "blue"), {"DAPI": 3}, (O, C, N)),
        (replace(info_of("red", "green", "blue"), is_photo=False), {}, (O, C, N)),
        (info_of("channel 1", "channel 2", "channel 3"), {}, (O, O, O)),
    ],
)
def test_the_colours_of_a_photo_are_no_dyes_until_someone_says_so(info, channels, roles):
    assert assign_channels(info, channels)[1] == roles
    assert is_photo(roles) == (roles == (P, P, P))


def test_a_header_of_version_0_1_0_knows_a_photo_by_its_names():
    assert info_of("red", "green", "blue").is_photo
    assert not info_of("blue", "green", "red").is_photo
    assert stored_roles(info_of("red", "green", "blue"), ["other"] * 3) == (P, P, P)
    assert stored_roles(info_of("red", "green", "blue"), ["other", "other", "nucleus"]) == (O, O, N)
    assert stored_roles(info_of("a", "b", "c"), ["other"] * 3) == (O, O, O)


@pytest.mark.parametrize(
    ("channels", "names", "roles"),
    [
        ({"nuclei": 3, "cytoplasm": 2}, ("channel 1", "cytoplasm", "nuclei"), (O, C, N)),
        ({"NUC": 1, "cyto": 2}, ("NUC", "cyto", "channel 3"), (N, C, O)),
        ({"dapi": 3, "cytoplasm": 2}, ("channel 1", "cytoplasm", "dapi"), (O, C, N)),
        ({"DNA": 1, "actin": 2, "other": 3}, ("DNA", "actin", "other"), (N, C, O)),
        ({"far red": 1, "nucleus": 2}, ("far red", "nucleus", "channel 3"), (O, N, O)),
    ],
)
def test_other_words_for_a_role_and_dyes_state_it(channels, names, roles):
    assert assign_channels(info_of("channel 1", "channel 2", "channel 3"), channels) == (names, roles)


@pytest.mark.parametrize("names", [("a", "b"), ("405,450", "488,525", "561"), ("channel 1", "channel 2", "channel 3")])
def test_roles_that_nobody_knows_are_asked_for(names):
    sentence = unknown_roles(names, (O,) * len(names))
    assert all(f"{i + 1} {name}" in sentence for i, name in enumerate(names))
    assert "nucleus=3" in sentence
    assert "\n" not in sentence
    assert not unknown_roles(names, (*[O] * (len(names) - 1), N))


def test_one_channel_and_a_photo_are_asked_nothing():
    assert not unknown_roles(("gray",), (O,))
    assert not unknown_roles(("red", "green", "blue"), (P, P, P))


def test_a_given_role_counts_alone_and_names_what_has_no_name():
    names, roles = assign_channels(photo("red", "green", "blue"), {"nucleus": 3})
    assert names == ("red", "green", "nucleus")
    assert roles == (O, O, N)
    names, roles = assign_channels(info_of("DAPI", "GFP"), {"cytoplasm": 1})
    assert names == ("DAPI", "GFP")
    assert roles == (C, O)


def test_a_new_name_is_taken_and_speaks_for_its_role():
    names, roles = assign_channels(
        info_of("channel 1", "channel 2", "channel 3", "channel 4"), {"orange": 4, "DAPI": 1}
    )
    assert names == ("DAPI", "channel 2", "channel 3", "orange")
    assert roles == (N, O, O, O)


@given(order=st.permutations(range(4)))
def test_permuted_channels_with_declared_names_are_the_same_channels(order):
    declared = {"actin": 1, "cytoplasm": 2, "nucleus": 3, "orange": 4}
    moved = {name: order.index(number - 1) + 1 for name, number in declared.items()}
    unnamed = info_of("channel 1", "channel 2", "channel 3", "channel 4")
    expected = dict(zip(*assign_channels(unnamed, declared), strict=True))
    assert dict(zip(*assign_channels(unnamed, moved), strict=True)) == expected


def test_assigning_twice_changes_nothing_more():
    slide = slide_of(np.zeros((3, 4, 5), np.uint8))
    channels = {"nucleus": 3, "membrane": 1}
    names, roles = assign_channels(slide.info, channels)
    assert assign_channels(with_names(slide, names).info, channels) == (names, roles)


@pytest.mark.parametrize(
    ("channels", "words"),
    [
        ({"nucleus": 4}, "has no channel 4 for 'nucleus'; it has 1 DAPI, 2 GFP, 3 RFP"),
        ({"nucleus": 0}, "has no channel 0"),
        ({"nucleus": 1, "x": 1}, "name the same channel 1"),
        ({"GFP": 1}, "'GFP' occurs more than once"),
    ],
)
def test_assignments_that_do_not_fit_the_image_are_refused(channels, words):
    with pytest.raises(InputError, match=words):
        assign_channels(info_of("DAPI", "GFP", "RFP"), channels)


def test_renaming_changes_names_alone():
    slide = slide_of(noise(2, 4, 5))
    renamed = with_names(slide, ("a", "b"))
    assert renamed.info.channels == ("a", "b")
    np.testing.assert_array_equal(renamed.region(), slide.region())
    with pytest.raises(InputError):
        with_names(slide, ("a",))


def test_pairs_need_one_size():
    one, other = slide_of(np.zeros((1, 4, 5))), slide_of(np.zeros((3, 4, 5)))
    check_same_size(one, other)
    with pytest.raises(InputError, match=r"is 4 x 5 px but .* is 5 x 4 px"):
        check_same_size(one, slide_of(np.zeros((1, 5, 4))))


def test_combined_files_read_as_one_image():
    parts = [
        slide_of(noise(1, 40, 50, seed=i), name=f"d{i}.tif", um_per_px=um) for i, um in enumerate((None, 0.5, None))
    ]
    slide = combine(parts, ("nucleus", "cytoplasm", "orange"))
    assert slide.info.shape == (3, 40, 50)
    assert slide.info.channels == ("nucleus", "cytoplasm", "orange")
    assert slide.info.um_per_px == 0.5
    assert slide.info.roles == ()
    box = Region(3, 4, 10, 20)
    np.testing.assert_array_equal(slide.region(box), np.concatenate([part.region(box) for part in parts]))


def test_the_combined_digest_knows_parts_and_their_order():
    parts = [slide_of(noise(1, 4, 5, seed=i), name=str(i)) for i in range(2)]
    forth, back = combine(parts, "ab"), combine(parts[::-1], "ab")
    assert forth.digest == hashlib.sha256("".join(part.digest for part in parts).encode()).hexdigest()
    assert forth.digest != back.digest
    assert combine(parts, "xy").digest == forth.digest


def test_levels_that_all_parts_have_are_kept(tmp_path):
    pixels = noise(1, 256, 256)
    pyramid = open_slide(ome_tiff(tmp_path / "p.ome.tif", pixels, ["a"], levels=2))
    assert combine([pyramid, pyramid], "ab").info.levels == ((256, 256), (128, 128))
    assert combine([pyramid, slide_of(pixels)], "ab").info.levels == ((256, 256),)


@pytest.mark.parametrize(
    ("shapes", "names", "words"),
    [
        (((1, 4, 5), (1, 4, 6)), "ab", "same height and width"),
        (((1, 4, 5), (2, 4, 5)), "ab", "has 2 channels"),
        (((1, 4, 5), (1, 4, 5)), "aa", "occurs more than once"),
        (((1, 4, 5), (1, 4, 5)), "abc", "2 channels need 2 names"),
        ((), "", "at least one image"),
    ],
)
def test_files_that_are_not_channels_of_one_image_are_refused(shapes, names, words):
    with pytest.raises(InputError, match=words):
        combine([slide_of(np.zeros(shape, np.uint8)) for shape in shapes], names)


def test_real_channel_files_combine():
    folder = shared_data("fields/cellprofiler_examples/ExampleHuman")
    ((stem, names),) = group_channel_files([path.name for path in folder.iterdir()]).items()
    slide = combine([open_slide(folder / name) for name in names], ("nucleus", "dna damage", "cytoplasm"))
    assert stem == "AS_09125_050116030001_D03f00"
    expected = np.stack([tifffile.imread(folder / name) for name in names])
    np.testing.assert_array_equal(slide.region(), expected)
