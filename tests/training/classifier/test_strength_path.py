"""Scores along the path are those of single fits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from cellapp.training.classifier.logistic_regression import STRENGTHS, per_class
from cellapp.training.classifier.strength_path import scores_along_path


def cells(n, width, n_classes, seed):
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.arange(n) % n_classes)
    features = rng.normal(size=(n, width)) * rng.uniform(0.1, 3, width)
    features[:, 0] += codes
    return features, codes


@settings(max_examples=12, deadline=None)
@given(n=st.integers(20, 80), width=st.integers(1, 120), k=st.integers(2, 4), seed=st.integers(0, 99))
def test_they_are_those_of_scikit_learn_whether_cells_or_features_are_more(n, width, k, seed):
    (features, codes), (others, _) = cells(n, width, k, seed), cells(30, width, k, seed + 1)
    found = scores_along_path(features, codes, others, STRENGTHS[:3])
    for strength, scores in zip(STRENGTHS[:3], found, strict=True):
        single = LogisticRegression(C=strength, max_iter=5000, tol=1e-7).fit(features, codes)
        expected = per_class(np.atleast_2d(single.decision_function(others).T)).T
        expected = expected - expected.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(scores - scores.mean(axis=1, keepdims=True), expected, atol=0.05)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_each_strength_stands_for_itself(n_classes):
    features, codes = cells(60, 20, n_classes, 0)
    path = scores_along_path(features, codes, features, STRENGTHS[:4])
    alone = [scores_along_path(features, codes, features, [strength])[0] for strength in STRENGTHS[:4]]
    np.testing.assert_allclose(path, alone, atol=0.05)


def test_features_without_variance_say_nothing():
    codes = np.array([0, 1, 1, 1])
    scores = scores_along_path(np.zeros((4, 3)), codes, np.ones((2, 3)), [1.0])[0]
    assert scores[0, 1] - scores[0, 0] == pytest.approx(np.log(3), abs=0.01)
