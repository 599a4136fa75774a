"""Figures of calls: calibration and the one-sided metrics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

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
