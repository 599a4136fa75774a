"""Clusters that are there are found, by every method and with the same numbers each time; where none are, none are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from sklearn.datasets import make_blobs
from sklearn.metrics import (
    adjusted_rand_score,
    calinski_harabasz_score,
    davies_bouldin_score,
    silhouette_score,
)

from cellapp.discovery.cluster_number import choose_clusters, measure, stability
from cellapp.discovery.clustering import IN_NO_CLUSTER, METHODS, Clustering, cluster, reduced
from cellapp.errors import InputError

NUMBERS = range(1, 6)


@pytest.fixture(scope="module")
def blobs():
    return make_blobs((60, 50, 40), 24, cluster_std=2.0, random_state=3)


@pytest.mark.parametrize("method", METHODS)
def test_blobs_are_recovered_and_seeds_repeat(blobs, method):
    features, truth = blobs
    points = reduced(features)
    choice = choose_clusters(features, points, method, numbers=NUMBERS)
    assert choice.chosen.k == 3
    assert adjusted_rand_score(truth, choice.chosen.labels) >= 0.9
    again = choose_clusters(features, points, method, numbers=NUMBERS)
    np.testing.assert_array_equal(again.chosen.labels, choice.chosen.labels)
    assert again.tried == choice.tried


def test_one_cloud_is_one_cluster():
    features = np.random.default_rng(0).normal(size=(200, 6))
    choice = choose_clusters(features, reduced(features), "gmm", numbers=NUMBERS)
    assert choice.chosen.k == 1
    assert "One cluster" in choice.reason
    assert (choice.indices.silhouette, choice.indices.stability) == (None, None)


def test_indices_are_those_of_scikit_learn_on_the_vectors(blobs):
    features, _ = blobs
    points = reduced(features)
    for k in (2, 4):
        found = cluster(points, "kmeans", k)
        indices = measure(features, points, found, "kmeans")
        assert indices.silhouette == pytest.approx(silhouette_score(features, found.labels))
        assert indices.davies_bouldin == pytest.approx(davies_bouldin_score(features, found.labels))
        assert indices.calinski_harabasz == pytest.approx(calinski_harabasz_score(features, found.labels))


def test_clusters_that_are_there_come_back_in_parts_and_others_do_not(blobs):
    points = reduced(blobs[0])
    assert stability(points, cluster(points, "kmeans", 3), "kmeans") == pytest.approx(1)
    cloud = np.random.default_rng(0).normal(size=(200, 6))
    assert stability(cloud, cluster(cloud, "kmeans", 4), "kmeans") < 0.6


@settings(max_examples=20, deadline=None)
@given(
    n=st.integers(1, 12),
    width=st.integers(1, 4),
    method=st.sampled_from(sorted(METHODS)),
    seed=st.integers(0, 99),
    copies=st.booleans(),
)
def test_any_cells_have_a_cluster_each_numbered_by_size(n, width, method, seed, copies):
    features = np.random.default_rng(seed).normal(size=(n, width))
    if copies:
        features[:] = features[0]
    found = cluster(reduced(features), method, min(2, n))
    assert found.labels.shape == (n,)
    sizes = np.bincount(found.labels[found.labels != IN_NO_CLUSTER], minlength=found.k)
    assert (sizes > 0).all()
    assert (np.diff(sizes) <= 0).all()
    if copies:
        assert not found.labels.any()


def test_a_number_that_is_asked_for_is_kept_or_refused(blobs):
    features, _ = blobs
    points = reduced(features)
    assert choose_clusters(features, points, "kmeans", 7, numbers=(2, 3)).chosen.k == 7
    with pytest.raises(InputError, match="hdbscan finds .* and not 90"):
        choose_clusters(features, points, "hdbscan", 90)
    with pytest.raises(InputError, match="5 clusters need at least as many cells; there are 3"):
        cluster(points[:3], "gmm", 5)
    with pytest.raises(InputError, match="no way of clustering 'dbscan'; there are gmm"):
        cluster(points, "dbscan", 2)


def test_cells_in_no_cluster_are_left_out_of_the_indices(blobs):
    features, truth = blobs
    labels = np.where(np.arange(len(truth)) % 10 == 0, IN_NO_CLUSTER, truth)
    indices = measure(features, reduced(features), Clustering(labels, 2), "kmeans")
    kept = labels != IN_NO_CLUSTER
    assert indices.in_no_cluster == (~kept).sum()
    assert indices.silhouette == pytest.approx(silhouette_score(features[kept], labels[kept]))


def test_numbers_that_are_not_finite_are_refused():
    with pytest.raises(InputError, match="must be finite"):
        reduced(np.array([[1.0, np.nan], [0.0, 1.0]]))


def test_few_dimensions_keep_all_distances():
    features = np.random.default_rng(1).normal(size=(30, 5))
    np.testing.assert_allclose(pdist(reduced(features)), pdist(features), atol=1e-9)
