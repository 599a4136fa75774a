"""What a file or folder leads to outside itself is not read, whichever way it leads there."""

import os
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.images.formats.inside import check_inside, check_links, inside, leads_out
from cellapp.images.probe import probe_all
from cellapp.images.read import open_slide
from tests.images.many_images import ome_xml, write_bioformats2raw, write_harmony, write_image_group, write_plate
from tests.images.slides import noise

SCENE = noise(1, 1, 1, 20, 30)
PARTS = st.sampled_from(["..", ".", "", "a", "b.tif", "link", "0", "C:", "~", "ab" * 32])


@given(st.lists(PARTS, min_size=1, max_size=5), st.sampled_from(["/", "\\"]))
@example(["link", "secret.tif"], "/")
@example(["a", "..", "..", "secret.tif"], "\\")
@settings(max_examples=80, deadline=None)
def test_a_reference_is_a_path_of_the_folder_or_refused(tmp_path_factory, parts, slash):
    folder = tmp_path_factory.getbasetemp() / "inside"
    (folder / "a").mkdir(parents=True, exist_ok=True)
    if not (folder / "link").is_symlink():
        (folder / "link").symlink_to(folder.parent)
    reference = slash.join(parts)
    named = [part for part in parts if part not in ("", ".")]
    if {"..", "ab" * 32} & set(parts) or named[:1] == ["link"] or reference.startswith((slash, "C:")):
        with pytest.raises(InputError, match="not a file in its own folder") as refused:
            inside(folder, reference, "image.ome.tif")
        assert repr(reference) in str(refused.value)
    else:
        assert not leads_out(folder, inside(folder, reference, "image.ome.tif"))


def test_the_name_of_a_stored_original_is_no_reference(tmp_path):
    """In the store the file beside this one is another person's, under a name that can be computed."""
    digest = "0" * 64
    tifffile.imwrite(tmp_path / "secret.tif", noise(20, 30, seed=7))
    stored = shutil.copy(tmp_path / "secret.tif", tmp_path / digest)
    text = ome_xml(SCENE, {(0, 0, 0): (digest, 0)})
    path = tmp_path / ("0" * 63 + "1")
    tifffile.imwrite(path, SCENE[0, 0, 0], description=text.encode(), metadata=None)
    for there in (True, False):
        with pytest.raises(InputError, match="not a file in its own folder"):
            open_slide(path)
        if there:
            Path(stored).unlink()


def _link(target: Path, path: Path) -> str:
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    path.symlink_to(target)
    return path.name


def _zarr(folder: Path, group: str, what: str) -> Path:
    """Write a Zarr image, of which a part is a link to the same part of another person's."""
    write_image_group(folder / "secret", noise(1, 1, 1, 20, 30, seed=7), version="0.4")
    if group == "plain":
        root = path = write_image_group(folder / "a.zarr", SCENE, version="0.4")
    elif group == "series":
        root = write_bioformats2raw(folder / "a.zarr", [SCENE], version="0.4")
        path = root / "0"
    else:
        root = write_plate(folder / "a.zarr", {"A/1": [SCENE]}, version="0.4")
        path = root / "A" / "1" / "0"
    chunk = next(file for file in (path / "0").rglob("*") if file.is_file() and not file.name.startswith("."))
    part = {"chunk": chunk, "chunks": chunk.parent, "level": path / "0", "metadata": path / "0" / ".zarray"}.get(
        what, path
    )
    _link(folder / "secret" / part.relative_to(path), part)
    return root


PLACES = list(product(["plain", "series", "well"], ["chunk", "chunks", "level", "metadata", "group"]))


@pytest.mark.parametrize(("group", "what"), PLACES[:4] + PLACES[5:])  # a plain one's group is what the user named
def test_links_of_a_zarr_folder_that_lead_out_are_refused(tmp_path, group, what):
    path = _zarr(tmp_path, group, what)
    for read in (probe_all, open_slide):
        with pytest.raises(InputError, match="a link that leads out of it|not a file in its own folder") as refused:
            read(path)
        assert "\n" not in str(refused.value)
        assert str(tmp_path) not in str(refused.value)


def test_links_within_a_folder_and_a_link_to_it_are_read(tmp_path):
    path = write_image_group(tmp_path / "a.zarr", SCENE, version="0.4")
    chunk = next(file for file in (path / "0").rglob("*") if file.is_file() and not file.name.startswith("."))
    chunk.rename(path / "moved")
    chunk.symlink_to(path / "moved")
    (tmp_path / "link.zarr").symlink_to(path)
    for given_path in (path, tmp_path / "link.zarr"):
        check_links(given_path, "link.zarr")
        np.testing.assert_array_equal(open_slide(given_path).region(), SCENE[0, :, 0])


@pytest.mark.parametrize("name", ["Index.idx.xml", "r02c03f01p01-ch1sk1fk1fl1.tiff", "beside.txt"])
def test_links_of_a_measurement_that_lead_out_are_refused(tmp_path, name):
    folder = write_harmony(tmp_path / "Images", {(2, 3, 1): noise(1, 1, 1, 30, 40)})
    (folder / "beside.txt").touch()
    shutil.copytree(folder, tmp_path / "secret")
    _link(tmp_path / "secret" / name, folder / name)
    with pytest.raises(InputError, match="leads out of it|not a file in its own folder"):
        probe_all(folder)


def test_the_first_thing_that_leads_out_is_named(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "secret.tif").touch()
    (tmp_path / "mine" / "link.tif").symlink_to(tmp_path / "secret.tif")
    (tmp_path / "mine" / "loop.tif").symlink_to(tmp_path / "mine" / "loop.tif")
    with pytest.raises(InputError, match=r"'link\.tif' leads out of the folder 'mine'; put a copy"):
        check_inside(tmp_path / "mine", tmp_path / "mine" / "link.tif")
    check_inside(tmp_path / "mine", tmp_path / "mine" / "loop.tif")  # who opens it tells
    assert leads_out(tmp_path / "mine", tmp_path / "mine" / os.pardir / "secret.tif")
