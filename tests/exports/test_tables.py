import csv
import json
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from cellapp.cells.counts import count, wilson
from cellapp.errors import InputError
from cellapp.exports.tables import (
    escape_formula,
    read_cells,
    row_classes,
    summary_row,
    write_cells,
    write_csv,
    write_summary,
)
from tests.exports.toy import HOSTILE, toy_analysis


@pytest.mark.parametrize("n", [0, 1, 9])
def test_parquet_loses_nothing(tmp_path, n):
    cells = toy_analysis(n)[0].cells
    assert_frame_equal(read_cells(write_cells(cells, tmp_path / "cells.parquet")), cells)


@given(st.text())
def test_no_text_starts_like_a_formula_and_the_original_can_be_told(text):
    escaped = escape_formula(text)
    assert not escaped.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert escaped == text or escaped[1:] == text
    assert escape_formula(escaped) != escaped or escaped == text


def test_csv_keeps_ids_and_numbers_and_disarms_texts(tmp_path):
    cells = toy_analysis(classes=("cancer", HOSTILE))[0].cells.rename(columns={"extent": "=extent"})
    cells.loc[1, ["manual_label", "orientation_rad"]] = [HOSTILE, -0.5]
    with write_csv(cells, tmp_path / "cells.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["cell_id"]) for row in rows] == cells.index.tolist()
    assert [float(row["sharpness"]) for row in rows] == cells["sharpness"].tolist()
    first = rows[0]
    assert (first["manual_label"], first["orientation_rad"]) == ("'" + HOSTILE, "-0.5")
    assert "'=extent" in first


def test_unnamed_index_is_left_out(tmp_path):
    path = write_csv(pd.DataFrame({"file": ["a.png"], "p_cancer": [0.25]}), tmp_path / "out" / "p.csv")
    assert path.read_text() == "file,p_cancer\na.png,0.25\n"


def test_empty_table_keeps_its_header(tmp_path):
    path = write_csv(toy_analysis(0)[0].cells, tmp_path / "cells.csv")
    assert path.read_text().startswith("cell_id,centroid_y_px,")


@pytest.mark.parametrize("content", [b"", b"no parquet"])
def test_no_parquet_is_refused(tmp_path, content):
    (tmp_path / "cells.parquet").write_bytes(content)
    with pytest.raises(InputError, match="Parquet"):
        read_cells(tmp_path / "cells.parquet")


def test_table_of_something_else_is_refused(tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(InputError, match="no cell table"):
        read_cells(tmp_path / "other.parquet")


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


CLASH = [
    "low",
    "high",
    "_low",
    "grade",
    "grade_",
    "grade_low",
    "grade_low_low",
    "grade_high",
    "n_grade",
    "p_a",
    "image",
]


@settings(max_examples=30, deadline=None)
@given(classes=st.lists(st.sampled_from(CLASH), min_size=2, max_size=5, unique=True))
def test_no_class_takes_the_columns_of_another(classes):
    analysis, _ = toy_analysis(9, classes=classes)
    row, counts = summary_row(analysis, 1), count(analysis.cells, classes)
    assert row_classes(row) == classes
    assert len(row) == 14 + 4 * len(classes)
    for name in classes:
        assert row[f"n_{name}"] == counts.n_of[name]
        assert (row[f"fraction_{name}"] or 0) * counts.n_called == pytest.approx(counts.n_of[name])


def test_the_ends_of_an_interval_give_way_to_the_fraction_of_a_class():
    row = summary_row(toy_analysis(9, classes=("grade", "grade_low"))[0], 1)
    n = row["n_grade"] + row["n_grade_low"]
    assert (row["fraction_grade__low"], row["fraction_grade__high"]) == wilson(row["n_grade"], n)
    assert row["fraction_grade_low"] == row["n_grade_low"] / n
    assert (row["fraction_grade_low_low"], row["fraction_grade_low_high"]) == wilson(row["n_grade_low"], n)


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("classes", [(), ("cancer", "normal")])
def test_zero_and_one_cell_are_plain_json(n, classes):
    row = summary_row(toy_analysis(n, classes=classes)[0], 0)
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert row["n_cells"] == n
    if classes and not n:
        assert row["fraction_cancer"] is None


def test_a_note_is_the_last_column_and_only_where_there_is_one(tmp_path):
    empty, full = toy_analysis(0)[0], toy_analysis(2)[0]
    rows = [
        summary_row(replace(empty, mask=replace(empty.mask, note="no cells: tried 30 px")), 0),
        summary_row(full, 0),
    ]
    assert "note" not in rows[1]
    header, first, second = read(write_summary(rows, tmp_path))
    assert (header[-1], first[-1], second[-1]) == ("note", "no cells: tried 30 px", "")


def test_columns_keep_their_order_over_images_of_different_heads(tmp_path):
    rows = [summary_row(toy_analysis(4, classes=c)[0], 1) for c in ((), ("cancer", "normal"), ("a", HOSTILE))]
    header, *body = read(write_summary(rows, tmp_path))
    assert header[:6] == ["image", "file", "scene", "time", "n_cells", "n_rejected"]
    assert header[6:11] == ["n_cancer", "n_normal", "n_a", f"n_{HOSTILE}", "n_unsure"]
    assert header[11:14] == ["fraction_cancer", "fraction_cancer_low", "fraction_cancer_high"]
    assert header[-2:] == ["confluency", "seconds"]
    assert [len(line) for line in body] == [len(header)] * 3


def test_no_images_give_a_header(tmp_path):
    assert read(write_summary([], tmp_path)) == [["image", "file", "scene", "time", "n_cells", "n_rejected"]]


def test_a_class_given_by_hand_in_some_images_is_0_in_the_others_of_the_same_head(tmp_path):
    rows = [summary_row(toy_analysis(6, classes=("cancer", "normal"))[0], 1) for _ in range(2)]
    by_hand, _ = toy_analysis(6, classes=("cancer", "normal"))
    by_hand.cells["manual_label"] = ["mitotic"] + [""] * (len(by_hand.cells) - 1)
    rows.insert(1, summary_row(by_hand, 1))
    table = pd.read_csv(write_summary(rows, tmp_path))
    assert table["n_mitotic"].tolist() == [0, 1, 0]
    called = table[["n_cancer", "n_normal", "n_mitotic"]].sum(axis=1)
    filled = table.loc[called > 0, "fraction_mitotic"]
    assert filled.tolist() == pytest.approx((table["n_mitotic"] / called)[called > 0].tolist())


def test_a_class_of_another_head_stays_empty(tmp_path):
    rows = [summary_row(toy_analysis(4, classes=c)[0], 1) for c in (("cancer", "normal"), ("a", "b"))]
    table = pd.read_csv(write_summary(rows, tmp_path))
    assert table["n_a"].isna().tolist() == [True, False]
