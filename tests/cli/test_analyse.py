"""Each result can be traced to the file it is of, whatever the files are called."""

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from cellapp.cli import main
from cellapp.cli.file_images import folder_names
from tests.paths import shared_case

NAMES = ["alpha.tif", "alpha.png", "Alpha.tif", "alpha_2.tif", "a b.tif", "a_b.tif", "α tubulin.tif", "β tubulin.tif"]
NAMES += ["-dash.tif", "plain.ome.tif", "plain.v2.tif", "切片 1.tif", "day 1/plain.tif", "day 2/plain.tif"]


def said(text):
    """Folder -> file of each line that tells."""
    pairs = (line.removeprefix("cellapp: ").split(" is of ") for line in text.splitlines())
    return {Path(folder).name: file.strip("'") for folder, file in pairs}


@given(st.lists(st.sampled_from(NAMES), unique=True, max_size=8))
def test_a_folder_whose_name_does_not_tell_its_file_is_told(names):
    with pytest.MonkeyPatch.context() as patch:
        lines = []
        patch.setattr("cellapp.cli.file_images.note", lines.append)
        stems = folder_names([Path(name) for name in names], Path("out"))
    told = said("\n".join(lines))
    for stem, name in zip(stems, names, strict=True):
        so_called = [other for other in names if re.sub(r"(\.ome)?\.[^.]+$", "", Path(other).name) == stem]
        assert told.get(stem) == name or so_called == [name]
    assert set(told) <= set(stems)


def test_ordinary_names_need_no_word(capsys):
    names = ["a.tif", "b.png", "c.ome.tif", "d.v2.tiff", "MCF7_day-2.tif", "e"]
    assert folder_names([Path(name) for name in names], Path("out")) == ("a", "b", "c", "d.v2", "MCF7_day-2", "e")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("verb", [["segment"], ["analyse", "--head", "none"]])
def test_files_of_equal_stems_are_told_apart(tmp_path, capsys, verb):
    pixels = np.zeros((64, 64), np.uint8)
    pixels[20:40, 20:40] = 200
    for name in ("alpha.tif", "alpha.tiff", "b.tif"):
        tifffile.imwrite(tmp_path / name, pixels)
    status = main([*verb, str(tmp_path), "--out", str(tmp_path / "out"), "--segmenter", "classical"])
    told = [line for line in capsys.readouterr().err.splitlines() if " is of " in line]
    assert status == 0
    assert said("\n".join(told)) == {
        "alpha": str(tmp_path / "alpha.tif"),
        "alpha_2": str(tmp_path / "alpha.tiff"),
    }
    assert (tmp_path / "out" / "alpha_2" / "labels.tif").is_file()


def test_a_name_that_is_nearly_a_role_ends_with_status_2(tmp_path, capsys):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((9, 9), np.uint8))
    status = main(["analyse", str(tmp_path / "a.tif"), "--out", str(tmp_path / "out"), "--channels", "nukleus=1"])
    assert status == 2
    assert "the nearest is 'nucleus'" in capsys.readouterr().err


def test_case_21_names(tmp_path, capsys):
    with zipfile.ZipFile(shared_case("21-names-zips") / "names.zip") as archive:
        archive.extractall(tmp_path)
    paths = sorted(tmp_path.iterdir())
    stems = folder_names(paths, Path("out"))
    told = said(capsys.readouterr().err)
    assert len(set(stems)) == len(paths) == 9
    odd = {stem: str(path) for stem, path in zip(stems, paths, strict=True) if not path.name.startswith("x")}
    assert odd.items() <= told.items()
