from math import isnan

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from cellapp.cells.counts import count, wilson

CLASSES = ("cancer", "normal")


def table(*rows):
    columns = ["qc_pass", "label", "unsure", "manual_label"]
    return pd.DataFrame(list(rows), columns=columns, index=pd.RangeIndex(1, len(rows) + 1, name="cell_id"))


@given(data=st.data(), n=st.integers(1, 2000))
def test_wilson_equals_scipy(data, n):
    k = data.draw(st.integers(0, n))
    expected = binomtest(k, n).proportion_ci(method="wilson")
    assert wilson(k, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_nothing_counted_is_nothing_known():
    counts = count(table(), CLASSES)
    assert counts.n_of == {"cancer": 0, "normal": 0}
    fraction = counts.fraction("cancer")
    assert isnan(fraction.value)
    assert (fraction.low, fraction.high) == (0.0, 1.0)


def test_every_cell_counts_once():
    counts = count(
        table(
            (True, "cancer", False, ""),
            (True, "cancer", True, ""),
            (False, "normal", False, ""),
            (True, "normal", False, ""),
            (True, "normal", True, "cancer"),
            (False, "", False, "mitotic"),
        ),
        CLASSES,
    )
    assert dict(counts.n_of) == {"cancer": 2, "normal": 1, "mitotic": 1}
    assert (counts.n_rejected, counts.n_unsure, counts.n_unclassified) == (1, 1, 0)
    assert counts.n_cells == counts.n_called + counts.n_rejected + counts.n_unsure + counts.n_unclassified
    assert counts.fraction("cancer").value == 0.5


def test_without_a_head_cells_are_only_counted():
    cells = pd.DataFrame({"qc_pass": [True, True, False]}, index=pd.Index([1, 2, 3], name="cell_id"))
    counts = count(cells, ())
    assert (counts.n_unclassified, counts.n_rejected, counts.n_called) == (2, 1, 0)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(CLASSES), st.booleans(), st.just("")), max_size=30))
def test_fractions_add_up_to_one(rows):
    counts = count(table(*rows), CLASSES)
    if counts.n_called:
        assert sum(counts.fraction(name).value for name in CLASSES) == pytest.approx(1)
    assert all(counts.fraction(name).low <= counts.fraction(name).high for name in CLASSES)
