"""Distance to the training cells."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.classification.novelty import fit_novelty


@settings(max_examples=15, deadline=None)
@given(n_features=st.integers(1, 80), seed=st.integers(0, 50))
def test_training_cells_are_at_a_distance_of_about_one(n_features, seed):
    features = np.random.default_rng(seed).normal(size=(300, n_features))
    novelty = fit_novelty(features, np.zeros(300, int), 1)
    assert 0.6 < np.median(novelty.distance(features)) < 1.3


def test_with_few_features_it_is_the_mahalanobis_distance():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(3, 3))
    features = rng.normal(size=(5000, 3)) @ mixing
    novelty = fit_novelty(features, np.zeros(5000, int), 1)
    covariance = np.cov(features.T) + 0.05 * np.trace(np.cov(features.T)) / 3 * np.eye(3)
    offset = features[:20] - features.mean(axis=0)
    expected = np.sqrt(np.einsum("ni,ij,nj->n", offset, np.linalg.inv(covariance), offset) / 3)
    np.testing.assert_allclose(novelty.distance(features[:20]), expected, rtol=0.01)


def test_the_nearest_class_counts():
    rng = np.random.default_rng(0)
    codes = np.arange(400) % 2
    features = rng.normal(size=(400, 5)) + 50 * codes[:, None]
    novelty = fit_novelty(features, codes, 2)
    at_means, between = novelty.distance(novelty.means.astype(float)), novelty.distance(np.full((1, 5), 25.0))
    assert at_means.max() < 1e-3
    assert between[0] > 10


def test_a_direction_training_never_moved_in_is_unlike_it():
    rng = np.random.default_rng(0)
    features = np.concatenate([rng.normal(size=(200, 4)), np.zeros((200, 1))], axis=1)
    novelty = fit_novelty(features, np.zeros(200, int), 1)
    away = np.zeros((1, 5))
    away[0, 4] = 5
    assert novelty.distance(away)[0] > 3 * novelty.distance(features).max()


def test_no_cells_have_no_distance():
    assert fit_novelty(np.eye(4), np.zeros(4, int), 1).distance(np.zeros((0, 4))).shape == (0,)
