import shutil

import pytest

from cellapp.cli.options import expand_inputs
from cellapp.errors import InputError


@pytest.fixture
def folder(tmp_path, demo):
    for name in ("b.tif", "a.png", "c.JPG", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    shutil.copy(demo.labels, tmp_path / "truth_labels.tif")
    return tmp_path


def names(paths):
    return [path.name for path in paths]


def test_a_folder_gives_its_images_in_order_without_truth(folder, capsys):
    assert names(expand_inputs([str(folder)])) == ["a.png", "b.tif", "c.JPG"]
    assert "left out truth_labels.tif" in capsys.readouterr().err


def test_globs_and_files_give_each_image_once(folder):
    assert names(expand_inputs([str(folder / "*.tif"), str(folder / "b.tif")])) == ["b.tif"]


def test_a_file_is_taken_whatever_its_name(folder):
    assert names(expand_inputs([str(folder / "notes.txt")])) == ["notes.txt"]


@pytest.mark.parametrize("nothing", ["nowhere.tif", "*.czi", "folder/**/*.png"])
def test_what_names_nothing_is_refused(folder, nothing):
    with pytest.raises(InputError, match="no file, folder or match"):
        expand_inputs([str(folder / nothing)])


def test_an_empty_folder_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no images in"):
        expand_inputs([str(tmp_path / "empty")])
