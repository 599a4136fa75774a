"""OME-TIFF in several files is one image once; what is missing is named, and nothing outside the folder is read."""

import shutil

import numpy as np
import pytest
import tifffile

from cellapp.errors import InputError
from cellapp.images.probe import admit, probe_all
from cellapp.images.read import file_digest, image_digest, open_slide
from cellapp.images.set_members import set_members
from tests.images.many_images import ome_xml, write_ome_tiff, write_set
from tests.images.slides import noise
from tests.paths import shared_case

SCENE = noise(1, 2, 3, 40, 50)


@pytest.mark.parametrize("companion", [False, True])
def test_every_member_and_the_folder_are_the_same_image(tmp_path, companion):
    files = write_set(tmp_path / "set", SCENE, 2, companion=companion)
    members = [path for path in files if path.name.startswith("part")]
    for path in files:
        assert set_members(path) == tuple(files)
        assert image_digest(path) == file_digest(tmp_path / "set")
        info = admit(path)
        assert (info.format, info.shape, info.n_planes) == ("ome-tiff", (2, 40, 50), 3)
        assert info.channels == ("stain 0", "stain 1")
    assert len(probe_all(tmp_path / "set")) == 1
    np.testing.assert_array_equal(open_slide(tmp_path / "set").region(), SCENE[0].max(axis=1))
    assert open_slide(tmp_path / "set").digest == open_slide(members[-1]).digest


def test_another_member_makes_another_image(tmp_path):
    for name, scene in (("a", SCENE), ("b", SCENE + 1)):
        write_set(tmp_path / name, scene, 2, companion=False)
    assert image_digest(tmp_path / "a" / "part 0.ome.tif") != image_digest(tmp_path / "b" / "part 0.ome.tif")


@pytest.mark.parametrize("options", [{"tile": (16, 16), "compression": "zlib"}, {"compression": "lzw"}, {}])
def test_tiles_strips_and_plain_pages_are_read_by_region(tmp_path, options):
    first, *_ = write_set(tmp_path / "set", SCENE, 3, companion=False, **options)
    np.testing.assert_array_equal(open_slide(first).levels[0][1:, 30:39, 3:47], SCENE[0].max(axis=1)[1:, 30:39, 3:47])


@pytest.mark.parametrize("at", ["part 0.ome.tif", "set.companion.ome"])
def test_a_missing_member_is_named(tmp_path, at):
    write_set(tmp_path / "set", SCENE, 3, companion=True)
    (tmp_path / "set" / "part 1.ome.tif").unlink()
    with pytest.raises(InputError, match=r"in 3 files.*not beside it: 'part 1\.ome\.tif'; put all") as refused:
        probe_all(tmp_path / "set" / at)
    assert "\n" not in str(refused.value)
    assert set_members(tmp_path / "set" / at) == (tmp_path / "set" / at,)


def test_a_plane_whose_companion_is_missing_is_read_alone_and_told(tmp_path):
    first, *_, companion = write_set(tmp_path / "set", noise(1, 2, 1, 40, 50), 2, companion=True)
    companion.unlink()
    (info,) = probe_all(first)
    assert info.shape == (1, 40, 50)
    assert any("'set.companion.ome'" in note for note in info.notes)


@pytest.mark.parametrize(
    "reference", ["../secret.tif", "..\\secret.tif", "/etc/secret.tif", "C:\\secret.tif", "link.tif"]
)
@pytest.mark.parametrize("companion", [False, True])
def test_references_that_leave_the_folder_are_refused(tmp_path, reference, companion):
    tifffile.imwrite(tmp_path / "secret.tif", SCENE[0, 0, 0])
    folder = tmp_path / "set"
    files = write_set(folder, noise(1, 2, 1, 40, 50), 2, companion=companion)
    (folder / "link.tif").symlink_to(tmp_path / "secret.tif")
    if companion:
        files[-1].write_text(files[-1].read_text().replace("part 1.ome.tif", reference))
    else:
        with tifffile.TiffFile(files[0]) as tif:
            text = tif.ome_metadata
        tifffile.tiffcomment(files[0], text.replace("part 1.ome.tif", reference).encode())
    with pytest.raises(InputError, match="not a file in its own folder") as refused:
        open_slide(files[0]).region()
    assert repr(reference) in str(refused.value)


def test_a_renamed_file_is_itself(tmp_path):
    scene = noise(1, 2, 1, 20, 30)
    for uuid in ("of this file", ""):
        text = ome_xml(scene, {(0, c, 0): ("before.ome.tif", c) for c in range(2)}, uuid=uuid)
        path = tmp_path / f"after {uuid}.ome.tif"
        tifffile.imwrite(path, scene[0, :, 0], description=text.encode(), metadata=None, photometric="minisblack")
        assert set_members(path) == (path,)
        np.testing.assert_array_equal(open_slide(path).region(), scene[0, :, 0])
        assert open_slide(path).info.channels == ("stain 0", "stain 1")


@pytest.mark.parametrize(
    ("n_pages", "shape", "words"),
    [
        (4, (3, 2, 1), r"declares 3 time points and holds 2 whole"),
        (5, (3, 2, 1), r"declares 3 time points and holds 2 whole"),
        (2, (1, 3, 1), r"declares 3 channels and holds 2 whole"),
        (3, (1, 1, 4), r"declares 4 planes and holds 3 whole"),
    ],
)
def test_a_stopped_acquisition_is_read_as_far_as_it_goes(tmp_path, n_pages, shape, words):
    scene = noise(*shape, 20, 30)
    planes = list(np.ndindex(shape))[:n_pages]
    text = ome_xml(scene, {place: ("before.ome.tif", i) for i, place in enumerate(np.ndindex(shape))})
    pixels = np.stack([scene[place] for place in planes])
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, pixels, description=text.encode(), metadata=None, photometric="minisblack")
    images = probe_all(path)
    assert any(__import__("re").search(words, note) for note in images[0].notes)
    last = open_slide(path, selection=images[-1].selection)
    n_channels, n_planes = last.info.shape[0], last.info.n_planes
    expected = scene[len(images) - 1, :n_channels, :n_planes].max(axis=1)
    np.testing.assert_array_equal(last.region(), expected)


def test_a_cut_off_member_is_named(tmp_path):
    files = write_set(tmp_path / "set", SCENE, 2, companion=False, compression="zlib")
    files[1].write_bytes(files[1].read_bytes()[:-3000])
    with pytest.raises(InputError, match=r"'part 1\.ome\.tif'"):
        admit(files[0])


def test_members_of_other_sizes_are_refused(tmp_path):
    files = write_set(tmp_path / "set", noise(1, 2, 1, 40, 50), 2, companion=True)
    tifffile.imwrite(files[1], noise(40, 51), metadata=None)
    with pytest.raises(InputError, match=r"'part 1\.ome\.tif' has a page of \(40, 51, 1\)"):
        admit(files[0])


def test_a_folder_with_other_images_beside_a_set_is_no_image(tmp_path):
    write_set(tmp_path / "set", SCENE, 2, companion=True)
    write_ome_tiff(tmp_path / "set" / "other.ome.tif", {"other": SCENE})
    with pytest.raises(InputError, match="is a folder"):
        probe_all(tmp_path / "set")


def test_of_the_case_the_set_is_two_channels_and_the_lone_file_names_the_other(tmp_path):
    case = shared_case("09-ome-multifile")
    for path in (case / "set", *(case / "set").iterdir()):
        (info,) = probe_all(path)
        assert (info.shape, info.channels, info.um_per_px) == ((2, 256, 256), ("DAPI", "GFP"), 0.5)
    with pytest.raises(InputError, match=r"'cells_c1\.ome\.tif'"):
        probe_all(case / "lone" / "cells_c0.ome.tif")
    shutil.copytree(case / "set", tmp_path / "copied")
    assert image_digest(tmp_path / "copied" / "cells_c1.ome.tif") == image_digest(case / "set" / "cells_c0.ome.tif")
