"""Curves of held-out calls: those of scikit-learn, with counts, thinned."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, roc_auc_score

from cellapp.evaluation.curves import (
    MAX_POINTS,
    calibration_error,
    precision_recall_curve,
    reliability,
    roc_curve,
)


def calls(n, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.arange(n) % 2 == 0)
    return truth, np.clip(0.25 * truth + rng.random(n) * 0.7, 0, 1)


@settings(max_examples=20, deadline=None)
@given(n=st.integers(4, 400), seed=st.integers(0, 99))
def test_the_roc_curve_rises_from_nothing_to_all_and_encloses_the_auc(n, seed):
    truth, p = calls(n, seed)
    curve = roc_curve(truth, p)
    false, true = curve["false_positive_rate"], curve["true_positive_rate"]
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(true, false) == pytest.approx(roc_auc_score(truth, p), abs=0.01 if n > MAX_POINTS else 1e-5)
    assert curve["threshold"] == sorted(curve["threshold"], reverse=True)


@settings(max_examples=20, deadline=None)
@given(n=st.integers(4, 150), seed=st.integers(0, 99))
def test_the_steps_under_precision_and_recall_are_the_average_precision(n, seed):
    truth, p = calls(n, seed)
    curve = precision_recall_curve(truth, p)
    recall, precision = np.array(curve["recall"]), np.array(curve["precision"])
    # Points left out between two of equal recall change no step; those of falling precision at equal hits do.
    area = -np.sum(np.diff(recall) * precision[:-1])
    assert area == pytest.approx(average_precision_score(truth, p), abs=0.03)
    assert (recall[0], recall[-1], precision[-1]) == (1, 0, 1)


def test_a_curve_of_many_cells_is_thinned_and_keeps_its_ends():
    truth, p = calls(5000)
    for curve in (roc_curve(truth, p), precision_recall_curve(truth, p)):
        assert {len(values) for values in curve.values()} == {MAX_POINTS}


def test_honest_probabilities_have_little_calibration_error():
    rng = np.random.default_rng(1)
    p = rng.random(20000)
    codes = (rng.random(20000) < p).astype(int)
    probabilities = np.stack([1 - p, p], axis=1)
    assert calibration_error(probabilities, codes) < 0.02
    assert calibration_error(probabilities[:0], codes[:0]) == 0


def test_sure_and_wrong_is_a_calibration_error_of_one():
    assert calibration_error(np.array([[1.0, 0.0]] * 5), np.ones(5, int)) == 1


def test_reliability_counts_every_cell_once():
    rng = np.random.default_rng(0)
    p = rng.random(500)
    rows = reliability(p, rng.random(500) < p)
    assert sum(row["n"] for row in rows) == 500
    assert all(row["low"] <= row["said"] <= row["high"] for row in rows)
    assert max(abs(row["said"] - row["was"]) for row in rows) < 0.2
    assert reliability(np.array([1.0]), np.array([True]))[0]["high"] == 1
    assert reliability(np.zeros(0), np.zeros(0, bool)) == []


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 60), seed=st.integers(0, 99))
def test_reliability_is_the_calibration_curve_of_scikit_learn_with_counts(n, seed):
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    truth = rng.random(n) < p
    rows = reliability(p, truth)
    was, said = calibration_curve(truth, p, n_bins=10, pos_label=True) if n else ([], [])
    np.testing.assert_allclose([row["said"] for row in rows], said, atol=1e-4)
    np.testing.assert_allclose([row["was"] for row in rows], was, atol=1e-4)
    assert sum(row["n"] for row in rows) == n


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 60), n_classes=st.integers(2, 4), seed=st.integers(0, 99))
def test_the_calibration_error_is_the_mean_gap_of_the_bins(n, n_classes, seed):
    rng = np.random.default_rng(seed)
    probabilities, codes = rng.dirichlet(np.ones(n_classes), n), rng.integers(0, n_classes, n)
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == codes
    gaps = [row["n"] * abs(row["said"] - row["was"]) for row in reliability(confidence, correct)]
    assert calibration_error(probabilities, codes) == pytest.approx(sum(gaps) / n, abs=2e-4)
    assert 0 <= calibration_error(probabilities, codes) <= 1


def test_a_bin_has_its_lower_limit():
    rows = reliability(np.array([0.0, 0.5, 0.55, 1.0]), np.array([False, True, False, True]))
    assert [(row["low"], row["high"], row["n"]) for row in rows] == [(0.0, 0.1, 1), (0.5, 0.6, 2), (0.9, 1.0, 1)]
