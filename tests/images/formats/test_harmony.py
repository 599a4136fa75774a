"""Operetta measurements: fields of wells are scenes, and files that are missing are named."""

import numpy as np
import pytest
import tifffile

from cellapp.errors import InputError
from cellapp.images.probe import admit, probe_all
from cellapp.images.read import image_digest, open_slide
from cellapp.images.set_members import set_members
from tests.images.many_images import write_harmony
from tests.images.slides import noise

FIELDS = {(2, 3, 1): noise(2, 2, 1, 30, 40), (2, 3, 2): noise(2, 2, 1, 30, 40, seed=1)}


@pytest.mark.parametrize("where", ["Images", "Images/Index.idx.xml", "."])
def test_the_folder_the_one_above_and_the_index_are_the_measurement(tmp_path, where):
    write_harmony(tmp_path / "Images", FIELDS)
    images = probe_all(tmp_path / where, "plate")
    assert [info.title for info in images] == [
        f"plate · r02c03f0{field} · 00d0{i}h{m}m" for field in (1, 2) for i, m in ((0, "00"), (1, "30"))
    ]
    assert {(info.format, info.channels, info.um_per_px) for info in images} == {
        ("harmony", ("stain 0", "stain 1"), 0.5)
    }
    assert [info.suffix for info in images] == ["__s01_t001", "__s01_t002", "__s02_t001", "__s02_t002"]


def test_a_single_field_keeps_its_name(tmp_path):
    (info,) = probe_all(write_harmony(tmp_path / "Images", {(1, 12, 7): noise(1, 1, 1, 30, 40)}))
    assert info.scene == "r01c12f07"
    assert info.suffix == ""


def test_fields_with_missing_files_are_left_out_and_the_files_named(tmp_path):
    folder = write_harmony(tmp_path / "Images", FIELDS)
    gone = "r02c03f01p01-ch2sk1fk1fl1.tiff"
    (folder / gone).unlink()
    images = probe_all(folder)
    assert {info.scene for info in images} == {"r02c03f02"}
    assert any("1 of 2 fields" in note and repr(gone) in note for note in images[0].notes)
    np.testing.assert_array_equal(open_slide(folder).region(), FIELDS[2, 3, 2][0, :, 0])


def test_without_any_whole_field_it_is_refused_with_the_files(tmp_path):
    folder = write_harmony(tmp_path / "Images", FIELDS)
    for path in folder.glob("*ch1*.tiff"):
        path.unlink()
    with pytest.raises(InputError, match=r"2 of 2 fields .*r02c03f01p01-ch1sk1fk1fl1\.tiff") as refused:
        probe_all(folder)
    assert "\n" not in str(refused.value)


def test_a_channel_of_one_plane_serves_every_plane(tmp_path):
    deep = noise(1, 2, 3, 30, 40)
    folder = write_harmony(tmp_path / "Images", {(1, 1, 1): deep})
    index = folder / "Index.idx.xml"
    text = index.read_text()
    for plane in (2, 3):
        name = f"r01c01f01p0{plane}-ch2sk1fk1fl1.tiff"
        start = text.rindex("<Image>", 0, text.index(name))
        text = text[:start] + text[text.index("</Image>", start) + len("</Image>") :]
        (folder / name).unlink()
    index.write_text(text)
    assert probe_all(folder)[0].n_planes == 3
    expected = np.stack([deep[0, 0].max(axis=0), deep[0, 1, 0]])
    np.testing.assert_array_equal(open_slide(folder).region(), expected)


@pytest.mark.parametrize("reference", ["../secret.tiff", "/etc/secret.tiff", "link.tiff"])
def test_pictures_outside_the_folder_are_refused(tmp_path, reference):
    folder = write_harmony(tmp_path / "Images", FIELDS)
    tifffile.imwrite(tmp_path / "secret.tiff", noise(30, 40))
    (folder / "link.tiff").symlink_to(tmp_path / "secret.tiff")
    index = folder / "Index.idx.xml"
    index.write_text(index.read_text().replace("r02c03f01p01-ch1sk1fk1fl1.tiff", reference))
    with pytest.raises(InputError, match="not a file in its own folder"):
        probe_all(folder)


@pytest.mark.parametrize("damage", [lambda content: content[:-500], lambda content: b"", lambda content: b"no picture"])
def test_a_field_with_a_damaged_picture_is_left_out_and_the_file_named(tmp_path, damage):
    folder = write_harmony(tmp_path / "Images", FIELDS)
    first, second = (f"r02c03f0{field}p01-ch2sk2fk1fl1.tiff" for field in (1, 2))
    (folder / first).write_bytes(damage((folder / first).read_bytes()))
    info = admit(folder)
    assert (info.scene, info.n_scenes) == ("r02c03f02", 1)
    assert any("1 of 2 fields" in note and repr(first) in note for note in info.notes)
    np.testing.assert_array_equal(open_slide(folder).region(), FIELDS[2, 3, 2][0, :, 0])
    (folder / second).write_bytes(damage((folder / second).read_bytes()))
    (folder / "Index.idx.xml").touch()
    with pytest.raises(InputError, match=first.replace(".", r"\.")):
        admit(folder)


@pytest.mark.parametrize(
    "text",
    ["<EvaluationInputData>", "<EvaluationInputData/>", "<!DOCTYPE x><EvaluationInputData></EvaluationInputData>"],
)
def test_an_index_that_cannot_be_read_is_one_sentence(tmp_path, text):
    (tmp_path / "Index.idx.xml").write_text(text)
    with pytest.raises(InputError, match="index") as refused:
        probe_all(tmp_path)
    assert "\n" not in str(refused.value)


def test_the_index_stands_for_all_that_is_beside_it(tmp_path):
    folder = write_harmony(tmp_path / "Images", FIELDS)
    assert set(set_members(folder / "Index.idx.xml")) == set(folder.iterdir())
    assert image_digest(folder / "Index.idx.xml") == image_digest(folder)
