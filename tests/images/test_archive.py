"""Zips bring images in and nothing else."""

import io
import os
import shutil
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cellapp.config import BudgetSettings
from cellapp.errors import BudgetError, InputError
from cellapp.images.archive import extract_images
from cellapp.images.read import open_slide
from tests.images.formats.test_ome_zarr import write as write_ome_zarr
from tests.images.many_images import write_harmony, write_set
from tests.images.slides import noise
from tests.paths import shared_case


def picture(seed: int = 0) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(noise(20, 30, dtype="uint8", seed=seed)).save(buffer, "PNG")
    return buffer.getvalue()


def zipped(path, members: dict[str, bytes]):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def into(tmp_path):
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


def test_images_of_all_folders_come_out_under_distinct_names(tmp_path, into):
    members = {"a.png": picture(0), "day 1/a.png": picture(1), "day 2/a.png": picture(2), "day 2/A.PNG": picture(3)}
    found = extract_images(zipped(tmp_path / "z.zip", members), into, BudgetSettings())
    assert [path.read_bytes() for path in found] == list(members.values())
    assert len({path.name.lower() for path in found}) == 4
    assert found[1].name == "day 1_a.png"
    assert {path.parent for path in found} == {into}


def test_what_is_no_image_is_skipped_and_told(tmp_path, into):
    members = {"__MACOSX/._a.png": picture(), ".DS_Store": b"x", "notes.png": b"text", "a": picture(), "empty.tif": b""}
    skipped = []
    found = extract_images(zipped(tmp_path / "z.zip", members), into, BudgetSettings(), skipped.append)
    assert [path.name for path in found] == ["a"]
    assert skipped == ["__MACOSX/._a.png", ".DS_Store", "notes.png", "empty.tif"]


def test_a_zip_without_images_is_an_empty_result(tmp_path, into):
    assert extract_images(zipped(tmp_path / "z.zip", {}), into, BudgetSettings()) == []
    assert extract_images(zipped(tmp_path / "z.zip", {"a.txt": b"hello"}), into, BudgetSettings()) == []


@pytest.mark.parametrize("name", ["../out.png", "a/../../out.png", "/etc/out.png", "C:/out.png", "..\\out.png", ".."])
def test_names_that_lead_outside_are_refused(tmp_path, into, name):
    path = zipped(tmp_path / "z.zip", {"good.png": picture(), name: picture()})
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match="points outside"):
        extract_images(path, into, BudgetSettings())
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["\u200b..", "\u202e..\u200b", "\u00a0.."])
def test_names_that_lead_outside_once_they_are_cleaned_stay_inside(tmp_path, into, name):
    members = {"a.zarr/.zgroup": b"{}", f"a.zarr/{name}/{name}/{name}/{name}/evil.txt": b"x"}
    (found,) = extract_images(zipped(tmp_path / "z.zip", members), into, BudgetSettings())
    (evil,) = tmp_path.rglob("evil.txt")
    assert found in evil.parents


def test_two_dots_inside_a_name_are_only_a_name(tmp_path, into):
    assert len(extract_images(zipped(tmp_path / "z.zip", {"cells..1.png": picture()}), into, BudgetSettings())) == 1


def test_links_are_refused(tmp_path, into):
    link = zipfile.ZipInfo("link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr(link, os.fsencode(tmp_path / "secret"))
    with pytest.raises(InputError, match="points outside"):
        extract_images(tmp_path / "z.zip", into, BudgetSettings())


@pytest.mark.parametrize(
    ("limits", "variable"),
    [
        ({"max_zip_members": 2}, "MAX_ZIP_MEMBERS"),
        ({"max_bytes": 100_000}, "MAX_BYTES"),
        ({}, "MAX_ZIP_RATIO"),
    ],
)
def test_bombs_are_refused_before_they_unpack(tmp_path, into, limits, variable):
    path = zipped(tmp_path / "bomb.zip", {f"{i}.tif": b"II*\0" + bytes(500_000) for i in range(3)})
    with pytest.raises(BudgetError, match=f"CELLAPP_BUDGET__{variable}="):
        extract_images(path, into, BudgetSettings(**limits))
    assert list(into.iterdir()) == []


def test_damage_leaves_nothing_behind(tmp_path, into):
    path = zipped(tmp_path / "z.zip", {"a.png": picture(0), "b.png": picture(1)})
    content = bytearray(path.read_bytes())
    at = content.index(b"b.png") + 100
    content[at : at + 40] = bytes(40)
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        extract_images(path, into, BudgetSettings())
    assert "\n" not in str(refused.value)
    assert list(into.iterdir()) == []


def test_a_file_that_is_no_zip_is_one_sentence(tmp_path, into):
    (tmp_path / "z.zip").write_bytes(b"PK\x03\x04 nonsense")
    with pytest.raises(InputError, match=r"'z.zip' is damaged"):
        extract_images(tmp_path / "z.zip", into, BudgetSettings())


def test_encrypted_zips_are_told_so(tmp_path, into):
    path = zipped(tmp_path / "z.zip", {"a.png": picture()})
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="without a password"):
        extract_images(path, into, BudgetSettings())


def test_an_ome_zarr_folder_stays_a_folder(tmp_path, into):
    pixels = noise(2, 40, 60)
    source = write_ome_zarr(tmp_path / "a.zarr", pixels, "cyx", version="0.5")
    members = {f"day/{f.relative_to(tmp_path).as_posix()}": f.read_bytes() for f in source.rglob("*") if f.is_file()}
    (found,) = extract_images(zipped(tmp_path / "z.zip", members), into, BudgetSettings())
    np.testing.assert_array_equal(open_slide(found).region(), pixels)


@pytest.mark.parametrize("slash", ["/", "\\"])
@pytest.mark.parametrize("folder", ["", "day/", "day/no suffix/", "day/a.zarr/"])
def test_zarr_under_any_name_with_any_slash_is_one_image(tmp_path, into, slash, folder):
    pixels = noise(2, 40, 60)
    for version in ("0.4", "0.5"):
        source = write_ome_zarr(tmp_path / version, pixels, "cyx", version=version)
        files = [file for file in source.rglob("*") if file.is_file()]
        members = {f"{folder}{f.relative_to(source).as_posix()}".replace("/", slash): f.read_bytes() for f in files}
        other = {f"other{slash}a.png": picture()} if folder else {}
        found = extract_images(zipped(tmp_path / f"z {version}.zip", {**members, **other}), into, BudgetSettings())
        assert len(found) == 1 + len(other)
        np.testing.assert_array_equal(open_slide(found[0]).region(), pixels)
        shutil.rmtree(found[0])


@pytest.mark.parametrize("folder", ["", "run/", "deep/run\\"])
@pytest.mark.parametrize("companion", [False, True])
def test_a_set_stays_together_and_is_one_image(tmp_path, into, folder, companion):
    scene = noise(1, 2, 2, 20, 30)
    files = write_set(tmp_path / "set", scene, 2, companion=companion)
    members = {folder + path.name: path.read_bytes() for path in files}
    twice = {"again/" + path.name: path.read_bytes() for path in files} if folder else {}
    found = extract_images(zipped(tmp_path / "z.zip", {**members, **twice}), into, BudgetSettings())
    assert len(found) == 1 + bool(twice)
    assert found[0].name == {"": "z", "run/": "run", "deep/run\\": "deep_run"}[folder]
    for path in found:
        np.testing.assert_array_equal(open_slide(path).region(), scene[0].max(axis=1))


def test_a_set_with_a_missing_member_comes_out_file_by_file(tmp_path, into):
    files = write_set(tmp_path / "set", noise(1, 3, 1, 20, 30), 3, companion=False)
    found = extract_images(
        zipped(tmp_path / "z.zip", {path.name: path.read_bytes() for path in files[1:]}), into, BudgetSettings()
    )
    assert [path.name for path in found] == [path.name for path in files[1:]]
    with pytest.raises(InputError, match=r"'part 0\.ome\.tif'"):
        open_slide(found[0])


def test_a_measurement_stays_together(tmp_path, into):
    folder = write_harmony(tmp_path / "Images", {(1, 1, 1): noise(1, 2, 1, 20, 30)})
    members = {f"plate/Images/{path.name}": path.read_bytes() for path in folder.iterdir()}
    (found,) = extract_images(zipped(tmp_path / "z.zip", members), into, BudgetSettings())
    assert open_slide(found).info.format == "harmony"


def test_the_cases_of_odd_names_and_of_zarr_in_zips(into):
    case = shared_case("21-names-zips")
    found = extract_images(case / "names.zip", into, BudgetSettings(max_zip_ratio=1e6))
    assert len({path.name for path in found}) == 9
    (zarr_image,) = extract_images(case / "zarr_inside.zip", into, BudgetSettings(max_zip_ratio=1e6))
    assert zarr_image.name == "zarr_inside"
    assert open_slide(zarr_image).info.shape[1:] == (256, 256)


def test_extracted_images_read_as_before(tmp_path, into):
    pixels = noise(3, 40, 50)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack")
    (found,) = extract_images(
        zipped(tmp_path / "z.zip", {"a.tif": (tmp_path / "a.tif").read_bytes()}), into, BudgetSettings()
    )
    np.testing.assert_array_equal(open_slide(found).region(), pixels)


@given(sign=st.sampled_from("xé细😀"), n=st.integers(50, 300), ending=st.sampled_from([".png", ".ome.tif", ""]))
@settings(max_examples=12)
def test_names_too_long_for_a_disk_are_cut_before_their_suffix_and_stay_apart(tmp_path_factory, sign, n, ending):
    folder = tmp_path_factory.mktemp("long")
    zipped(folder / "a.zip", {f"{sign * n}{last}{ending}": picture() for last in "ab"})
    (folder / "out").mkdir()
    found = extract_images(folder / "a.zip", folder / "out", BudgetSettings())
    assert len({path.name for path in found}) == 2
    assert all(path.suffix == Path(f"a{ending}").suffix for path in found)
