"""Paired tests: the published values, the definitions of scipy, and how often they find what is not there."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from cellapp.evaluation.paired_tests import bootstrap_groups, corrected_t, holm, mcnemar, paired_t, sign_flip

PUBLISHED = json.loads((Path(__file__).parent / "published_scores.json").read_text())
SCORES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=10)


@pytest.mark.parametrize(
    ("table", "other", "expected"),
    [
        ("f1_weighted_with_blue", "vit", 0.017),
        ("f1_weighted_with_blue", "dino", 1.0),
        ("auc_without_blue", "dino", 0.031),
    ],
)
def test_published_values_reproduce(table, other, expected):
    rows = dict(PUBLISHED[table])
    reference = rows.pop("dinov3")
    adjusted = dict(zip(rows, holm([paired_t(reference, row).p for row in rows.values()]), strict=True))
    assert round(adjusted[other], 3) == expected


@settings(max_examples=30, deadline=None)
@given(SCORES)
def test_paired_t_is_that_of_scipy_and_symmetrical(pairs):
    first, second = np.array(pairs).T
    result = paired_t(first, second)
    assert result.p == paired_t(second, first).p
    if np.ptp(first - second) > 1e-6:
        reference = ttest_rel(first, second)
        assert result.p == pytest.approx(reference.pvalue, abs=1e-9)
        interval = reference.confidence_interval()
        assert (result.low, result.high) == pytest.approx((interval.low, interval.high), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(SCORES, st.floats(0, 1))
def test_the_correction_never_makes_a_difference_more_certain(pairs, ratio):
    first, second = np.array(pairs).T
    assert corrected_t(first, second, test_to_training=ratio).p >= paired_t(first, second).p - 1e-12


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_the_definition(p_values):
    """The adjusted p of the k-th smallest is the largest of (m - j) p_j up to it, at most 1 (Holm 1979)."""
    m, ordered = len(p_values), sorted(p_values)
    expected = [min(1, max((m - j) * ordered[j] for j in range(ordered.index(p) + 1))) for p in p_values]
    adjusted = holm(p_values)
    for value, low, p in zip(adjusted, expected, p_values, strict=True):
        assert value >= low - 1e-12
        assert value >= p
    by_rank = sorted(zip(p_values, adjusted, strict=True))
    assert [value for _, value in by_rank] == sorted(adjusted)
    if len(set(p_values)) == m:
        assert adjusted == pytest.approx(expected)


def test_equal_scores_differ_in_nothing():
    result = paired_t([0.9, 0.8, 0.7], [0.9, 0.8, 0.7])
    assert (result.p, result.value, result.low, result.high) == (1.0, 0.0, 0.0, 0.0)


def test_corrected_test_keeps_its_promise_where_folds_share_what_decides():
    """Differences of folds with a correlation of 1 / J, as the correction takes them to have: at most 5 % found."""
    rng = np.random.default_rng(0)
    found = {"paired": 0, "corrected": 0}
    for _ in range(400):
        differences = rng.normal() * 0.5 + rng.normal(size=5)  # variance of the mean: 1/5 + 1/4, as with 5 folds
        found["paired"] += paired_t(differences, np.zeros(5)).p < 0.05
        found["corrected"] += corrected_t(differences, np.zeros(5), test_to_training=1 / 4).p < 0.05
    assert found["corrected"] / 400 < 0.08 < found["paired"] / 400


def test_bootstrap_draws_groups_and_not_cells():
    """Cells of a group are copies of each other: as many groups as before, ten times the cells, the same interval."""
    rng = np.random.default_rng(1)
    right = rng.random((2, 12)) < [[0.9], [0.7]]

    def interval(copies):
        calls, groups = np.repeat(right, copies, axis=1), np.repeat(np.arange(12), copies)
        return bootstrap_groups(lambda rows: tuple(calls[:, rows].mean(axis=1)), groups, draws=200)

    assert interval(1) == interval(10)


def test_bootstrap_without_scores_has_no_interval():
    result = bootstrap_groups(
        lambda rows: (1.0, 0.5) if len(set(rows)) == 6 else (np.nan, np.nan), np.arange(6), draws=50
    )
    assert (result.value, result.low, result.high) == (0.5, None, None)


@pytest.mark.parametrize("n", [1, 4, 6, 12, 30])
def test_signs_that_agree_are_as_rare_as_there_are_ways_to_flip_them(n):
    p = sign_flip(np.ones(n))
    assert p == pytest.approx(2 / 2**n) if n <= 12 else p <= 0.001
    assert sign_flip(np.zeros(n)) == 1
    assert sign_flip(np.arange(n) - (n - 1) / 2) == pytest.approx(1, abs=0.05)


def test_mcnemar_counts_both_ways_and_is_the_binomial_test():
    before = np.array([True] * 30 + [False] * 10)
    after = before.copy()
    after[:9] = False
    after[30] = True
    images = np.repeat(np.arange(10), 4).astype(str)
    found = mcnemar(before, after, images)
    assert (found.lost, found.gained) == (9, 1)
    assert found.p == pytest.approx(2 * (1 + 10) / 2**10)
    assert mcnemar(before, before, images).p == 1
    assert mcnemar(before, after, np.full(40, "one")).p_groups is None


def test_a_change_in_one_image_alone_is_no_change_of_images():
    before, images = np.ones(80, bool), np.repeat(np.arange(8), 10).astype(str)
    after = images != "3"
    found = mcnemar(before, after, images)
    assert found.p < 0.01
    assert found.p_groups == 1
    everywhere = np.arange(80) % 10 != 0
    assert mcnemar(before, everywhere, images).p_groups == pytest.approx(2 / 2**8)
