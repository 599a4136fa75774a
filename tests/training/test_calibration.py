"""Calibration: one temperature for the scores of a head."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from cellapp.training.calibration import cross_calibrate, fit_temperature


@settings(max_examples=10, deadline=None)
@given(factor=st.floats(0.2, 5))
def test_temperature_undoes_a_wrong_sharpness(factor):
    rng = np.random.default_rng(0)
    honest = rng.normal(size=(4000, 2))
    codes = (rng.random(4000) < softmax(honest, axis=1)[:, 1]).astype(int)
    assert fit_temperature(honest * factor, codes) == pytest.approx(factor, rel=0.15)


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
