"""The rows are byte for byte those of pandas."""

import io
from unittest.mock import patch

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.exports.csv_rows import write_rows

COLUMNS = {
    "float64": st.floats(),
    "float32": st.floats(width=32),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "uint8": st.integers(0, 255),
    "bool": st.booleans(),
    "object": st.one_of(st.text(), st.none(), st.booleans(), st.floats(), st.just(pd.NA)),
    "Int64": st.one_of(st.integers(-9, 9), st.none()),
}


@st.composite
def tables(draw):
    n, kinds = draw(st.integers(0, 5)), draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=5))
    columns = [pd.Series(draw(st.lists(COLUMNS[kind], min_size=n, max_size=n)), dtype=kind) for kind in kinds]
    table = pd.concat(columns, axis=1)
    table.columns = draw(st.lists(st.text(), min_size=len(kinds), max_size=len(kinds)))
    table.index = pd.Index(np.arange(n), name=draw(st.sampled_from([None, "cell_id"])))
    return table


@settings(max_examples=80, deadline=None)
@given(tables(), st.integers(1, 3))
def test_rows_are_those_of_pandas(table, rows):
    ours, theirs = io.StringIO(newline=""), io.StringIO(newline="")
    with patch("cellapp.exports.csv_rows._ROWS", rows):
        write_rows(table, ours)
    table.to_csv(theirs, index=table.index.name is not None, lineterminator="\n")
    assert ours.getvalue() == theirs.getvalue()
