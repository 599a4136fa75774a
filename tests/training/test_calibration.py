"""Figures of calls: calibration and the one-sided metrics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.frozen import FrozenEstimator

from cellapp.training.calibration import calibration_error, cross_calibrate, fit_temperature, reliability


@settings(max_examples=10, deadline=None)
@given(factor=st.floats(0.2, 5))
def test_temperature_undoes_a_wrong_sharpness(factor):
    rng = np.random.default_rng(0)
    honest = rng.normal(size=(4000, 2))
    codes = (rng.random(4000) < softmax(honest, axis=1)[:, 1]).astype(int)
    assert fit_temperature(honest * factor, codes) == pytest.approx(factor, rel=0.15)


def test_honest_probabilities_have_little_calibration_error():
    rng = np.random.default_rng(1)
    p = rng.random(20000)
    codes = (rng.random(20000) < p).astype(int)
    probabilities = np.stack([1 - p, p], axis=1)
    assert calibration_error(probabilities, codes) < 0.02
    assert calibration_error(probabilities[:0], codes[:0]) == 0


def test_sure_and_wrong_is_a_calibration_error_of_one():
    assert calibration_error(np.array([[1.0, 0.0]] * 5), np.ones(5, int)) == 1


def test_each_fold_is_calibrated_by_the_others():
    rng = np.random.default_rng(2)
    codes, folds = rng.integers(0, 2, 100), np.arange(100) % 4
    scores = rng.normal(size=(100, 2)) + np.eye(2)[codes]
    changed = scores.copy()
    changed[folds == 0] *= 3
    before, after = (cross_calibrate(s, codes, folds) for s in (scores, changed))
    expected = softmax(changed[folds == 0] / fit_temperature(scores[folds != 0], codes[folds != 0]), axis=1)
    np.testing.assert_allclose(after[folds == 0], expected)
    assert not np.allclose(before[folds == 1], after[folds == 1])


def test_reliability_counts_every_cell_once():
    rng = np.random.default_rng(0)
    p = rng.random(500)
    rows = reliability(p, rng.random(500) < p)
    assert sum(row["n"] for row in rows) == 500
    assert all(row["low"] <= row["said"] <= row["high"] for row in rows)
    assert max(abs(row["said"] - row["was"]) for row in rows) < 0.2
    assert reliability(np.array([1.0]), np.array([True]))[0]["high"] == 1
    assert reliability(np.zeros(0), np.zeros(0, bool)) == []


class Scores(ClassifierMixin, BaseEstimator):
    """A classifier whose decision is its input: lets scikit-learn calibrate scores that are there already."""

    def fit(self, scores, codes):
        self.classes_ = np.unique(codes)
        return self

    def decision_function(self, scores):
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, scores):
        return self.classes_[scores.argmax(axis=1)]


@pytest.mark.parametrize("n_classes", [2, 3, 4])
def test_the_temperature_is_that_of_scikit_learn(n_classes):
    rng = np.random.default_rng(n_classes)
    codes = rng.integers(0, n_classes, 500)
    scores = 3 * rng.normal(size=(500, n_classes)) + 2 * np.eye(n_classes)[codes]
    calibrated = CalibratedClassifierCV(FrozenEstimator(Scores().fit(scores, codes)), method="temperature")
    expected = calibrated.fit(scores, codes).predict_proba(scores)
    np.testing.assert_allclose(softmax(scores / fit_temperature(scores, codes), axis=1), expected, atol=1e-4)


def test_scores_that_are_always_right_stay_short_of_certain():
    codes = np.array([0, 1, 0, 1])
    right, wrong = np.eye(2)[codes], np.eye(2)[1 - codes]
    assert np.exp(-4) <= fit_temperature(right, codes) < 0.05
    assert fit_temperature(wrong, codes) == pytest.approx(np.exp(4), rel=0.01)


@settings(max_examples=15, deadline=None)
@given(shift=st.floats(-50, 50), seed=st.integers(0, 20))
def test_a_constant_added_to_the_scores_of_a_cell_changes_no_temperature(shift, seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, 80)
    scores = rng.normal(size=(80, 3)) + np.eye(3)[codes]
    moved = scores + shift * rng.random((80, 1))
    assert fit_temperature(moved, codes) == pytest.approx(fit_temperature(scores, codes), rel=1e-4)


def test_calibration_changes_no_call():
    rng = np.random.default_rng(0)
    codes, folds = rng.integers(0, 3, 90), np.arange(90) % 3
    scores = rng.normal(size=(90, 3)) + np.eye(3)[codes]
    probabilities = cross_calibrate(scores, codes, folds)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), scores.argmax(axis=1))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


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
