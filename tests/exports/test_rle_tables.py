"""Tables of run lengths as Cell Segger and Kaggle have them, by function and by command."""

import json

import numpy as np
import pandas as pd
import pytest
import tifffile

from cellapp.cli import main
from cellapp.config import app_settings
from cellapp.errors import BudgetError, InputError
from cellapp.exports.rle_tables import STYLES, read_rle_table, rle_table
from cellapp.exports.tables import write_csv
from cellapp.segmentation.label_image import read_labels

LABELS = np.int32([[1, 1, 0, 2], [1, 0, 0, 2], [0, 0, 3, 3]])
NONE = np.zeros((2, 5), np.int32)


def in_file(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("style", list(STYLES))
def test_a_table_comes_back(style, tmp_path):
    path = write_csv(rle_table([("=a", LABELS), ("none", NONE)], style, per_cell=True), tmp_path / "t.csv")
    read = {name: image.labels() for name, image in read_rle_table(path).items()}
    assert list(read) == ["=a", "none"]
    assert np.array_equal(read["=a"], LABELS)
    assert np.array_equal(read["none"], NONE)


def test_the_columns_of_each_program():
    segger, kaggle = rle_table([("a", LABELS)]), rle_table([("a", LABELS)], "kaggle")
    assert list(segger) == ["name", "width", "height", "rle_annotation"]
    assert segger.values.tolist() == [["a", 4, 3, "0 2 3 2 7 1 10 2"]]
    assert list(kaggle) == ["ImageId", "Width", "Height", "EncodedPixels"]
    assert kaggle["EncodedPixels"].tolist() == ["1 2 4 1", "10 2", "9 1 12 1"]
    assert len(rle_table([("a", LABELS)], "kaggle", per_cell=False)) == 1


def test_codes_longer_than_a_spreadsheet_field_are_read(tmp_path):
    checks = (np.indices((300, 300)).sum(axis=0) % 2).astype(np.int32)
    path = write_csv(rle_table([("checks", checks)]), tmp_path / "t.csv")
    assert len(path.read_text()) > 131_072  # the limit of the csv module
    assert np.array_equal(read_rle_table(path)["checks"].labels(), checks)


def test_names_of_columns_in_any_case_and_further_ones(tmp_path):
    path = in_file(tmp_path, "imageid,usage,encodedpixels,height,width\na,x,1 2,2,2\na,x,4 1,2,2\n")
    assert read_rle_table(path)["a"].labels().tolist() == [[1, 0], [1, 2]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,width,height\na,2,2\n", "rle_annotation, EncodedPixels, annotation"),
        ("name,rle_annotation\na,0 1\n", "no column width"),
        ("name,width,height,rle_annotation\na,2,,0 1\n", "height and width"),
        ("id,width,height,annotation\na,2,2,1 1\na,3,2,1 1\n", "the same ones"),
        ("name,width,height,rle_annotation\na,2,2,0 9\n", "'a': runs of an image of 2 x 2"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(text, said, tmp_path, capsys):
    path = in_file(tmp_path, text)
    with pytest.raises(InputError, match=said):
        [image.labels() for image in read_rle_table(path).values()]
    assert main(["rle", "decode", str(path), "--out", str(tmp_path / "out")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_an_image_beyond_the_limits_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("CELLAPP_BUDGET__MAX_PIXELS", "99")
    app_settings.cache_clear()
    path = in_file(tmp_path, "name,width,height,rle_annotation\na,10,10,0 1\n")
    with pytest.raises(BudgetError, match="MAX_PIXELS"):
        read_rle_table(path)
    monkeypatch.undo()
    app_settings.cache_clear()


@pytest.fixture
def folder(tmp_path):
    for name, labels in (("a", LABELS), ("b", NONE)):
        (tmp_path / "labels" / name).mkdir(parents=True)
        tifffile.imwrite(tmp_path / "labels" / name / "labels.tif", labels)
    return tmp_path / "labels"


@pytest.mark.parametrize("style", list(STYLES))
def test_the_commands_give_the_labels_back(style, folder, tmp_path, capsys):
    table, out = tmp_path / "t.csv", tmp_path / "out"
    assert main(["rle", "encode", str(folder), "--out", str(table), "--style", style, "--per", "cell"]) == 0
    assert "4 rows of 2 images" in capsys.readouterr().out
    assert main(["rle", "decode", str(table), "--out", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [row["n_cells"] for row in found["images"]] == [3, 0]
    assert np.array_equal(read_labels(out / "a.tif"), LABELS)
    assert np.array_equal(read_labels(out / "b.tif"), NONE)


def test_pieces_of_a_foreground_are_numbered(folder, tmp_path):
    table = tmp_path / "images.csv"
    assert main(["rle", "encode", str(folder), "--out", str(table)]) == 0
    assert pd.read_csv(table)["name"].tolist() == ["a", "b"]
    assert main(["rle", "decode", str(table), "--out", str(tmp_path / "out"), "--pieces"]) == 0
    assert read_labels(tmp_path / "out" / "a.tif").max() == 2  # 2 and 3 touch


@pytest.mark.parametrize(
    ("option", "said"), [(["--style", "coco"], "cell-segger"), (["--per", "row"], "image or cell")]
)
def test_unknown_choices_are_refused(option, said, folder, tmp_path, capsys):
    assert main(["rle", "encode", str(folder), "--out", str(tmp_path / "t.csv"), *option]) == 2
    assert said in capsys.readouterr().err
