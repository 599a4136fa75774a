"""Logistic regression: scaling, strength of regularisation, scores of two classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cellapp.training.calibration import fit_temperature
from cellapp.training.classifier.logistic_regression import (
    REGULARISATION,
    STRENGTHS,
    FlooredScaler,
    choose_strength,
    fit_logistic,
    per_class,
)
from cellapp.training.folds import split_groups
from tests.classification.heads import toy_cells


def test_features_that_vary_are_standardised_as_scikit_learn_does():
    features = np.random.default_rng(0).normal(3, [0.5, 1, 2], (50, 3))
    np.testing.assert_allclose(FlooredScaler().fit_transform(features), StandardScaler().fit_transform(features))


def test_a_feature_that_hardly_varies_is_not_blown_up():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(50, 5)) * [1, 1, 1, 1, 1e-9]
    scaler = FlooredScaler().fit(features)
    assert scaler.scale_[4] == pytest.approx(0.02 * np.median(features.std(axis=0)))
    assert np.abs(scaler.transform(features + [0, 0, 0, 0, 0.01])).max() < 10


def test_constant_features_give_finite_numbers():
    assert np.isfinite(FlooredScaler().fit_transform(np.ones((4, 3)))).all()


@settings(max_examples=10, deadline=None)
@given(scale=st.floats(0.01, 100), shift=st.floats(-100, 100))
def test_units_of_the_features_do_not_matter(scale, shift):
    data = toy_cells(n_groups=2)
    before = fit_logistic(data.features, data.codes, 1.0).decision_function(data.features)
    moved = data.features * scale + shift
    after = fit_logistic(moved, data.codes, 1.0).decision_function(moved)
    np.testing.assert_allclose(after, before, atol=1e-3)


def test_a_strength_of_regularisation_is_that_of_scikit_learn():
    data = toy_cells()
    expected = make_pipeline(StandardScaler(), LogisticRegression(C=10.0, max_iter=2000)).fit(data.features, data.codes)
    np.testing.assert_allclose(fit_logistic(data.features, data.codes, 10.0)[-1].coef_, expected[-1].coef_, atol=1e-6)


def test_float16_features_are_computed_in_float64():
    data = toy_cells()
    coarse = data.features.astype(np.float16)
    assert fit_logistic(coarse, data.codes, 1.0)[-1].coef_.dtype == np.float64


@settings(max_examples=25, deadline=None)
@given(log_odds=st.lists(st.floats(-20, 20), min_size=1, max_size=8))
def test_halves_of_the_log_odds_have_the_same_softmax(log_odds):
    scores = per_class(np.array([log_odds])).T
    assert scores.shape == (len(log_odds), 2)
    np.testing.assert_allclose(softmax(scores, axis=1)[:, 1], expit(log_odds), atol=1e-12)


def test_scores_of_three_classes_stay():
    rows = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(per_class(rows), rows)


@pytest.mark.parametrize(("shift", "classes"), [(0.5, ("a", "b")), (2.0, ("a", "b")), (1.0, ("a", "b", "c"))])
def test_the_strength_is_the_one_a_plain_cross_validation_chooses(shift, classes):
    """The warm start changes the time it takes and not the choice."""
    data = toy_cells(shift=shift, classes=classes)
    fold_of = split_groups(data.codes, data.group_names, data.classes, folds=3, seed=1)
    losses = []
    for strength in STRENGTHS:
        model = make_pipeline(FlooredScaler(), LogisticRegression(C=strength, max_iter=2000))
        split = PredefinedSplit(fold_of)
        scores = cross_val_predict(model, data.features, data.codes, cv=split, method="decision_function")
        scores = per_class(np.atleast_2d(scores.T)).T
        losses.append(log_loss(data.codes, softmax(scores / fit_temperature(scores, data.codes), axis=1)))
    chosen = choose_strength(data.features, data.codes, data.group_names, 1)
    assert losses[STRENGTHS.index(chosen)] == pytest.approx(min(losses), abs=1e-4)


def test_groups_that_cannot_be_split_get_the_default():
    data = toy_cells(n_groups=1)
    assert choose_strength(data.features, data.codes, data.group_names, 0) == REGULARISATION
