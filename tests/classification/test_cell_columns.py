"""Predictions as columns, and which cells are explained first."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.classification.cell_columns import add_predictions, choose_cells, default_positive, positive_class
from cellapp.types.cells import Predictions

CLASSES = ("normal", "cancer")


def predictions_of(p, ids, *, positive="cancer"):
    p = np.asarray(p, float)
    n = len(p)
    none = np.zeros(n, bool)
    ids = np.asarray(ids, np.int32)
    return Predictions(np.stack([1 - p, p], axis=1), CLASSES, ids, none, ~none, "toy@1", True, positive)


def table_of(ids):
    return pd.DataFrame({"area_px": np.arange(len(ids))}, index=pd.Index(ids, name="cell_id"))


@pytest.mark.parametrize(("classes", "positive"), [(CLASSES, "cancer"), (("a", "b"), "a"), (("cancer",), "cancer")])
def test_the_positive_class_is_cancer_or_the_first(classes, positive):
    assert default_positive(classes) == positive


@pytest.mark.parametrize("positive", CLASSES)
def test_the_positive_class_comes_first_in_the_table(positive):
    columns = add_predictions(table_of([1]), predictions_of([0.3], [1], positive=positive)).columns
    classes = [name.removeprefix("p_") for name in columns if name.startswith("p_")]
    assert positive_class(classes) == positive
    assert sorted(classes) == sorted(CLASSES)


@settings(max_examples=25, deadline=None)
@given(ids=st.lists(st.integers(1, 99), unique=True, max_size=12), seed=st.integers(0, 99))
def test_predictions_are_joined_by_cell_id(ids, seed):
    rng = np.random.default_rng(seed)
    classified = [cell_id for cell_id in ids if rng.random() < 0.7]
    shuffled = rng.permutation(classified).astype(int)
    p = rng.random(len(shuffled))
    table = add_predictions(table_of(ids), predictions_of(p, shuffled))
    assert table.index.tolist() == ids
    assert table["area_px"].tolist() == list(range(len(ids)))
    np.testing.assert_allclose(table.loc[shuffled, "p_cancer"], p)
    rejected = table.drop(index=shuffled)
    assert (rejected["label"] == "").all()
    assert rejected["p_cancer"].isna().all()
    assert not rejected["unlike_training"].any()
    assert (table["manual_label"] == "").all()
    assert [table[name].dtype.kind for name in ("unsure", "unlike_training")] == ["b", "b"]


def test_counting_without_a_head_changes_nothing():
    table = table_of([1, 2])
    assert add_predictions(table, None) is table


def classified(p):
    ids = np.arange(1, len(p) + 1)
    return add_predictions(table_of(ids), predictions_of(p, ids))


def test_the_surest_of_each_class_and_the_least_sure_take_turns():
    table = classified([0.9, 0.99, 0.02, 0.3, 0.52])
    assert choose_cells(table, 4, ("cancer", "normal")).index.tolist() == [2, 3, 5, 1]


@settings(max_examples=30, deadline=None)
@given(p=st.lists(st.floats(0, 1), max_size=15), n=st.integers(0, 20))
def test_cells_are_chosen_once_and_as_many_as_there_are(p, n):
    table = classified(p)
    chosen = choose_cells(table, n, ("cancer", "normal"))
    assert len(chosen) == min(n, len(p))
    assert chosen.index.is_unique
    assert list(chosen.columns) == list(table.columns)


@settings(max_examples=20, deadline=None)
@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=12), n=st.integers(1, 12))
def test_fewer_cells_are_the_first_of_more(p, n):
    table = classified(p)
    more = choose_cells(table, n + 3, ("cancer", "normal")).index.tolist()
    assert choose_cells(table, n, ("cancer", "normal")).index.tolist() == more[:n]


def test_rejected_cells_are_not_explained():
    table = add_predictions(table_of([1, 2, 3]), predictions_of([0.4], [2]))
    assert choose_cells(table, 5, ("cancer", "normal")).index.tolist() == [2]
