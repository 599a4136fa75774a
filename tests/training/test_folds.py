"""Folds keep groups together and every class on both sides."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.training.folds import split_groups


@st.composite
def grouped(draw):
    """Cells of 2 or 3 classes in groups of one class each, at least two groups per class."""
    n_classes = draw(st.integers(2, 3))
    class_of_group = list(range(n_classes)) * 2 + draw(st.lists(st.integers(0, n_classes - 1), max_size=8))
    sizes = draw(st.lists(st.integers(1, 6), min_size=len(class_of_group), max_size=len(class_of_group)))
    codes = np.repeat(class_of_group, sizes)
    groups = np.repeat([f"slide {k}" for k in range(len(sizes))], sizes)
    return codes, groups, [f"class {k}" for k in range(n_classes)]


@settings(max_examples=40, deadline=None)
@given(cells=grouped(), folds=st.integers(2, 5), seed=st.integers(0, 20))
def test_a_group_lies_in_one_fold_and_every_class_is_trained_on(cells, folds, seed):
    codes, groups, classes = cells
    fold_of = split_groups(codes, groups, classes, folds=folds, seed=seed)
    if isinstance(fold_of, str):
        assert fold_of.startswith("not validated: ")
        return
    assert all(len(set(fold_of[groups == group])) == 1 for group in set(groups))
    assert 2 <= len(set(fold_of)) <= folds
    for fold in set(fold_of):
        assert set(codes[fold_of != fold]) == set(range(len(classes)))


@settings(max_examples=15, deadline=None)
@given(cells=grouped(), seed=st.integers(0, 20))
def test_a_seed_gives_one_split(cells, seed):
    codes, groups, classes = cells
    first, second = (split_groups(codes, groups, classes, folds=3, seed=seed) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_there_are_no_more_folds_than_groups_of_the_rarest_class():
    codes, groups = np.repeat([0, 0, 0, 1, 1, 1, 1, 1], 3), np.repeat(np.arange(8).astype(str), 3)
    assert len(set(split_groups(codes, groups, ["a", "b"], folds=5, seed=0))) == 3


def test_a_class_of_one_group_is_named():
    reason = split_groups(np.array([0, 0, 1]), np.array(["s", "t", "u"]), ["cancer", "normal"], folds=5, seed=0)
    assert reason.startswith("not validated: class 'normal' comes from one group only")


def test_groups_that_share_all_cells_of_a_class_cannot_be_split():
    # Two groups hold every class; with two folds each side has one of them, so that both classes are on both sides.
    codes, groups = np.array([0, 1, 0, 1]), np.array(["s", "s", "t", "t"])
    fold_of = split_groups(codes, groups, ["a", "b"], folds=5, seed=0)
    assert sorted(fold_of) == [0, 0, 1, 1]


@pytest.mark.parametrize("seed", range(3))
def test_classes_are_spread_over_the_folds(seed):
    codes, groups = np.repeat(np.arange(20) % 2, 5), np.repeat(np.arange(20).astype(str), 5)
    fold_of = split_groups(codes, groups, ["a", "b"], folds=5, seed=seed)
    shares = [codes[fold_of == fold].mean() for fold in range(5)]
    np.testing.assert_allclose(shares, 0.5)
