from math import isnan

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from cellapp.cells.counts import REJECTED, UNCLASSIFIED, UNSURE, classes_of, count, outcome, wilson

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


FLAGS = st.tuples(
    st.booleans(), st.sampled_from(["", *CLASSES]), st.booleans(), st.sampled_from(["", "cancer", "mitotic"])
)


@settings(deadline=None)
@given(st.lists(FLAGS, max_size=30))
def test_manual_classes_come_before_quality_before_doubt_before_the_head(rows):
    for (passed, label, unsure, manual), counted in zip(rows, outcome(table(*rows)), strict=True):
        assert counted == (manual or (REJECTED if not passed else UNSURE if unsure else label or UNCLASSIFIED))


@settings(deadline=None)
@given(st.lists(FLAGS, max_size=30))
def test_no_cell_is_counted_twice_or_left_out(rows):
    counts = count(table(*rows), CLASSES)
    assert counts.n_cells == counts.n_called + counts.n_rejected + counts.n_unsure + counts.n_unclassified == len(rows)
    assert set(CLASSES) <= set(counts.n_of)


@given(st.lists(FLAGS, min_size=1, max_size=30), st.randoms())
def test_the_order_of_cells_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    assert count(table(*rows), CLASSES) == count(table(*shuffled), CLASSES)


def test_outcome_keeps_the_ids_of_the_cells():
    cells = table((True, "cancer", False, ""), (True, "", False, ""))
    assert outcome(cells).index.equals(cells.index)
    assert outcome(cells).name == "outcome"


def test_missing_labels_are_no_class():
    cells = table((True, None, False, None), (True, float("nan"), False, float("nan")))
    assert outcome(cells).tolist() == [UNCLASSIFIED, UNCLASSIFIED]


def test_classes_are_the_probabilities_a_table_has_in_their_order():
    assert classes_of(pd.DataFrame(columns=["area_px", "p_normal", "p_cancer", "perimeter"])) == ("normal", "cancer")
    assert classes_of(pd.DataFrame(columns=["area_px"])) == ()


@given(n=st.integers(1, 500), k=st.integers(0, 500))
def test_intervals_hold_the_share_and_shrink_with_more_cells(n, k):
    k = min(k, n)
    low, high = wilson(k, n)
    assert 0 <= low <= k / n + 1e-12
    assert k / n - 1e-12 <= high <= 1
    wider_low, wider_high = wilson(k, n, z=3.0)
    assert wider_low <= low
    assert wider_high >= high
    many_low, many_high = wilson(10 * k, 10 * n)
    assert many_high - many_low < high - low
