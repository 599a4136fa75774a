"""Names tell channels of one image from everything else that differs by a number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.images.channel_files import group_channel_files
from tests.paths import shared_data


@pytest.mark.parametrize(
    ("stem", "names"),
    [
        ("D03f00", ["D03f00d0.tif", "D03f00d1.tif", "D03f00d2.tif"]),
        ("0_1_N", ["0_1_N_G.png", "0_1_N_R.png"]),
        ("01-A-01-00", ["Channel 1-01-A-01-00.tif", "Channel 2-01-A-01-00.tif"]),
        ("1-162hr2", ["1-162hrh2ax2.tif", "1-162hrhoe2.tif"]),
        ("plate_A01_s1", ["plate_A01_s1_w1.tif", "plate_A01_s1_w2.tif"]),
        ("cells", ["cells_ch00.tif", "cells_ch01.tif"]),
        ("r01c02f01p01sk1fk1", ["r01c02f01p01-ch1sk1fk1.tiff", "r01c02f01p01-ch2sk1fk1.tiff"]),
        ("field 3", ["field 3 brightfield.tif", "field 3 DAPI.tif", "field 3 GFP.tif"]),
        ("my image", ["C1-my image.tif", "C2-my image.tif"]),
        ("image", ["DAPI.tif", "GFP.tif"]),
        ("a", ["a_ch1_DAPI.tif", "a_ch2_GFP.tif"]),
    ],
)
def test_layouts_of_instruments_are_recognised(stem, names):
    assert group_channel_files(names) == {stem: names}
    assert group_channel_files(names[::-1]) == {stem: names}


@pytest.mark.parametrize(
    "names",
    [
        ["20180101ef002xy01t01.tif", "20180101ef002xy01t10.tif"],
        ["Channel1-01-A-01.tif", "Channel1-12-A-12.tif", "Channel1-13-B-01.tif"],
        ["BloodImage_00000.jpg", "BloodImage_00002.jpg"],
        ["A1.tif", "B1.tif", "C1.tif", "C2.tif"],
        ["plate_s1_w1.tif", "plate_s2_w1.tif"],
        ["stack_z1.tif", "stack_z2.tif"],
        ["anchor_nuclei.tiff", "r1_DAPI.tiff"],
        ["cells_labels.tif", "cells.tif"],
        ["cells_DAPI.tif", "cells_DAPI.png"],
        ["cells_ch1.tif"],
        [],
    ],
)
def test_time_points_wells_and_strangers_stay_apart(names):
    assert group_channel_files(names) == {}


def test_two_groups_with_the_same_words_keep_both():
    names = ["DAPI.tif", "GFP.tif", "DAPI.png", "GFP.png"]
    groups = group_channel_files(names)
    assert sorted(map(sorted, groups.values())) == [["DAPI.png", "GFP.png"], ["DAPI.tif", "GFP.tif"]]


@given(
    stems=st.lists(st.from_regex(r"well[A-H]0[1-9]", fullmatch=True), unique=True, max_size=5),
    n_channels=st.integers(2, 5),
    data=st.data(),
)
def test_each_well_gets_its_channels_in_any_order_of_upload(stems, n_channels, data):
    expected = {stem: [f"{stem}_ch{i}.tif" for i in range(n_channels)] for stem in stems}
    names = [name for members in expected.values() for name in members]
    assert group_channel_files(data.draw(st.permutations(names))) == expected


def test_folders_of_real_images_are_grouped_only_where_channels_are_files():
    fields = shared_data("fields")
    grouped = {
        folder.relative_to(fields).as_posix()
        for folder in fields.rglob("*")
        if folder.is_dir()
        and group_channel_files([path.name for path in folder.iterdir() if path.suffix in {".tif", ".png", ".jpg"}])
    }
    named = ("Colocalization", "Human", "Speckles", "VitraImages")
    others = {"bbbc013_plate/images", "cellpainting/images", "nf1_schwann/images"}
    assert grouped == {f"cellprofiler_examples/Example{name}" for name in named} | others
