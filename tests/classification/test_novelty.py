"""Distance to the training cells."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.classification.novelty import MAX_COMPONENTS, fit_novelty


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


def svd_distance(features, codes, n_classes, cells):
    """The distance from its definition: all directions, variances from the singular values, one rest."""
    means = np.stack([features[codes == k].mean(axis=0) for k in range(n_classes)])
    within = features - means[codes]
    width = features.shape[1]
    _, singular, basis = np.linalg.svd(within, full_matrices=False)
    spectrum = np.zeros(width)
    spectrum[: len(singular)] = singular**2 / max(len(features) - n_classes, 1)
    floor, rank = 0.05 * spectrum.mean(), min(MAX_COMPONENTS, len(singular))
    rest = (spectrum[rank:].mean() if rank < width else 0.0) + floor
    squared = []
    for mean in means:
        offset = cells - mean
        scores = offset @ basis[:rank].T
        outside = (offset**2).sum(axis=1) - (scores**2).sum(axis=1)
        squared.append((scores**2 / (spectrum[:rank] + floor)).sum(axis=1) + outside / rest)
    return np.sqrt(np.min(squared, axis=0) / width)


@settings(max_examples=20, deadline=None)
@given(n_cells=st.integers(6, 120), width=st.integers(2, 90), n_classes=st.integers(1, 3), seed=st.integers(0, 50))
def test_the_distance_is_its_definition_for_few_and_for_many_cells(n_cells, width, n_classes, seed):
    rng = np.random.default_rng(seed)
    features, codes = rng.normal(size=(n_cells, width)), np.arange(n_cells) % n_classes
    cells = 2 * rng.normal(size=(7, width))
    distances = fit_novelty(features, codes, n_classes).distance(cells)
    np.testing.assert_allclose(distances, svd_distance(features, codes, n_classes, cells), rtol=1e-4)


@settings(max_examples=15, deadline=None)
@given(width=st.integers(2, 20), seed=st.integers(0, 50))
def test_rotating_all_features_changes_no_distance(width, seed):
    rng = np.random.default_rng(seed)
    features, cells = rng.normal(size=(60, width)), rng.normal(size=(5, width))
    rotation, _ = np.linalg.qr(rng.normal(size=(width, width)))
    codes = np.arange(60) % 2
    before = fit_novelty(features, codes, 2).distance(cells)
    np.testing.assert_allclose(fit_novelty(features @ rotation, codes, 2).distance(cells @ rotation), before, rtol=1e-3)


def test_one_cell_per_class_gives_finite_distances():
    novelty = fit_novelty(np.eye(3), np.arange(3), 3)
    assert np.isfinite(novelty.distance(np.zeros((1, 3)))).all()
    np.testing.assert_allclose(novelty.distance(np.eye(3)), 0, atol=1e-6)


def test_a_wide_encoder_keeps_few_directions():
    features = np.random.default_rng(0).normal(size=(100, 300))
    novelty = fit_novelty(features, np.arange(100) % 2, 2)
    assert novelty.basis.shape == (MAX_COMPONENTS, 300)
    np.testing.assert_allclose(novelty.basis @ novelty.basis.T, np.eye(MAX_COMPONENTS), atol=1e-5)
