"""Figures of calls: calibration and the one-sided metrics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from cellapp.training.calibration import calibration_error, cross_calibrate, fit_temperature
from cellapp.training.metrics import measure_calls


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


def test_figures_speak_of_the_positive_class():
    # Calls: 2 of 3 cancers found, 1 of 2 normals called cancer.
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.7, 0.3], [0.1, 0.9]])
    figures = measure_calls(probabilities, np.array([0, 0, 0, 1, 1]), ("cancer", "normal"), "cancer")
    assert figures["sensitivity"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["specificity"] == pytest.approx(1 / 2)
    assert figures["precision"] == pytest.approx(2 / 3, abs=1e-4)
    assert (figures["n_cancer"], figures["n_normal"]) == (3, 2)


def test_precision_is_unknown_when_nothing_is_called_positive():
    probabilities = np.array([[0.4, 0.6], [0.1, 0.9]])
    assert measure_calls(probabilities, np.array([0, 1]), ("cancer", "normal"), "cancer")["precision"] is None
