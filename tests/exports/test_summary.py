import csv
import json

import pytest

from cellapp.cells.counts import wilson
from cellapp.exports.summary import summary_row, write_summary
from tests.exports.toy import HOSTILE, toy_analysis


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_row_counts_every_cell_once():
    analysis, _ = toy_analysis(9)
    row = summary_row(analysis, 1.23456)
    assert row["n_cells"] == len(analysis.cells)
    assert row["n_cells"] == row["n_rejected"] + row["n_unsure"] + row["n_cancer"] + row["n_normal"]
    n = row["n_cancer"] + row["n_normal"]
    assert row["fraction_cancer"] == row["n_cancer"] / n
    assert (row["fraction_cancer_low"], row["fraction_cancer_high"]) == wilson(row["n_cancer"], n)
    assert (row["image"], row["seconds"]) == ("toy", 1.235)


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("classes", [(), ("cancer", "normal")])
def test_zero_and_one_cell_are_plain_json(n, classes):
    row = summary_row(toy_analysis(n, classes=classes)[0], 0)
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert row["n_cells"] == n
    if classes and not n:
        assert row["fraction_cancer"] is None


def test_columns_keep_their_order_over_images_of_different_heads(tmp_path):
    rows = [summary_row(toy_analysis(4, classes=c)[0], 1) for c in ((), ("cancer", "normal"), ("a", HOSTILE))]
    header, *body = read(write_summary(rows, tmp_path))
    assert header[:3] == ["image", "n_cells", "n_rejected"]
    assert header[3:8] == ["n_cancer", "n_normal", "n_a", f"n_{HOSTILE}", "n_unsure"]
    assert header[8:11] == ["fraction_cancer", "fraction_cancer_low", "fraction_cancer_high"]
    assert header[-2:] == ["confluency", "seconds"]
    assert [len(line) for line in body] == [len(header)] * 3


def test_no_images_give_a_header(tmp_path):
    assert read(write_summary([], tmp_path)) == [["image", "n_cells", "n_rejected"]]
