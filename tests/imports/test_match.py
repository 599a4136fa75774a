"""Files of labels find their images by name."""

from pathlib import Path

import pytest

from cellapp.errors import InputError
from cellapp.imports.match import label_files_of, match_labels


@pytest.mark.parametrize(
    "name",
    ["a.tif", "a_seg.npy", "a_cp_masks.png", "a_rois.zip", "A_labels.ome.tif", "a.geojson", "a/labels.tif"],
)
def test_names_of_all_programs_are_known(name):
    assert match_labels([Path(name), Path("other.tif")], ["a", "b"]) == {"a": Path(name)}


def test_a_longer_name_is_not_taken_for_another_image():
    files = [Path("a_masks.tif"), Path("a.tif")]
    assert match_labels(files, ["a_masks", "a"]) == {"a": files[1], "a_masks": files[0]}


def test_one_file_is_for_one_image_and_a_json_for_those_without():
    assert match_labels([Path("x.png")], ["a"]) == {"a": Path("x.png")}
    files = [Path("b.tif"), Path("all.json")]
    assert match_labels(files, ["a", "b"]) == {"a": files[1], "b": files[0]}


@pytest.mark.parametrize(
    ("files", "says"), [(["a.tif", "a_seg.npy"], "give one of them"), (["x.tif", "y.tif"], "call each file")]
)
def test_two_for_one_and_none_at_all_are_refused(files, says):
    with pytest.raises(InputError, match=says):
        match_labels([Path(file) for file in files], ["a", "b"])


def test_folders_of_runs_and_of_files_are_looked_through(tmp_path):
    for name in ("run/a/labels.tif", "run/b/outlines.geojson", "run/summary.csv", "flat/a.png", "flat/note.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [file.name for file in label_files_of(tmp_path / "run")] == ["labels.tif", "outlines.geojson"]
    assert [file.name for file in label_files_of(tmp_path / "flat")] == ["a.png"]
    assert label_files_of(tmp_path / "run" / "b") == [tmp_path / "run/b/outlines.geojson"]
    with pytest.raises(InputError, match="no labels in"):
        label_files_of(tmp_path)
