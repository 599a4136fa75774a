import csv

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from cellapp.errors import InputError
from cellapp.exports.tables import escape_formula, read_cells, write_cells, write_csv
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
