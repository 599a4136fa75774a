"""A projection keeps cells and neighbours, for any number of cells, and is computed once."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.discovery.projection import project, project_run, read_projection
from cellapp.errors import InputError


def _clusters(n=60, width=12, seed=0):
    rng = np.random.default_rng(seed)
    side = np.repeat([-4.0, 4.0], n // 2)
    return rng.normal(size=(n, width)) + side[:, None], side


@settings(max_examples=25, deadline=None)
@given(n=st.integers(0, 12), width=st.integers(1, 8), seed=st.integers(0, 99))
def test_pca_gives_one_finite_point_per_cell(n, width, seed):
    features = np.random.default_rng(seed).normal(size=(n, width))
    xy, axes = project(features)
    assert xy.shape == (n, 2)
    assert np.isfinite(xy).all()
    assert len(axes) == 2


def test_pca_is_the_best_plane():
    features, _ = _clusters()
    xy, _ = project(features)
    centred = features - features.mean(axis=0)
    singular = np.linalg.svd(centred, compute_uv=False)
    np.testing.assert_allclose(np.linalg.norm(xy, axis=0), singular[:2], rtol=1e-4)


def test_pca_does_not_depend_on_the_order_of_cells():
    features, _ = _clusters()
    order = np.random.default_rng(1).permutation(len(features))
    np.testing.assert_allclose(project(features)[0][order], project(features[order])[0], atol=1e-3)


def test_pca_of_identical_cells_is_one_point():
    assert np.abs(project(np.ones((5, 4)))[0]).max() == 0


@pytest.mark.slow
def test_umap_is_seeded_and_keeps_clusters_apart():
    features, side = _clusters()
    first, axes = project(features, method="umap", seed=3)
    second, _ = project(features, method="umap", seed=3)
    np.testing.assert_array_equal(first, second)
    assert axes == ("UMAP 1", "UMAP 2")
    gap = np.linalg.norm(first[side > 0].mean(axis=0) - first[side < 0].mean(axis=0))
    assert gap > 2 * max(first[side > 0].std(), first[side < 0].std())


def test_umap_of_four_cells_says_what_works():
    with pytest.raises(InputError, match="PCA"):
        project(np.zeros((4, 3)), method="umap")


def _write_embeddings(folder, stem, features, ids):
    (folder / stem).mkdir(parents=True, exist_ok=True)
    np.savez(folder / stem / "embeddings.npz", features=features.astype(np.float16), cell_ids=np.asarray(ids, np.int32))


def test_a_run_is_projected_once_and_keeps_its_cells(tmp_path):
    features, _ = _clusters(10)
    _write_embeddings(tmp_path, "a", features[:6], range(1, 7))
    _write_embeddings(tmp_path, "b", features[6:], [3, 9, 11, 12])
    projection = project_run(tmp_path, ["a", "b", "failed"])
    assert list(zip(projection.images, projection.cell_ids, strict=True))[5:7] == [("a", 6), ("b", 3)]
    written = (tmp_path / "projection_pca.npz").stat().st_mtime_ns
    again = project_run(tmp_path, ["a", "b", "failed"])
    assert (tmp_path / "projection_pca.npz").stat().st_mtime_ns == written
    np.testing.assert_array_equal(projection.xy, again.xy)


def test_new_embeddings_are_projected_anew(tmp_path):
    features, _ = _clusters(10)
    _write_embeddings(tmp_path, "a", features[:6], range(1, 7))
    project_run(tmp_path, ["a"])
    _write_embeddings(tmp_path, "a", features, range(1, 11))
    later = (tmp_path / "projection_pca.npz").stat().st_mtime_ns + 1_000_000_000
    os.utime(tmp_path / "a" / "embeddings.npz", ns=(later, later))
    assert len(project_run(tmp_path, ["a"]).xy) == 10


@pytest.mark.parametrize("n", [0, 1])
def test_runs_of_no_and_of_one_cell(tmp_path, n):
    _write_embeddings(tmp_path, "a", np.ones((n, 4)), range(1, n + 1))
    assert project_run(tmp_path, ["a"]).xy.shape == (n, 2)
    assert read_projection(tmp_path, "pca").cell_ids.shape == (n,)


def test_a_run_without_embeddings_has_no_points(tmp_path):
    assert project_run(tmp_path, ["a"]).xy.shape == (0, 2)
    assert read_projection(tmp_path, "umap") is None


@settings(max_examples=20, deadline=None)
@given(n=st.integers(3, 40), width=st.integers(2, 50), seed=st.integers(0, 99))
def test_pca_is_the_singular_value_decomposition_with_the_largest_weight_positive(n, width, seed):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, width)) * np.linspace(5, 1, width)
    centred = features - features.mean(axis=0)
    _, singular, basis = np.linalg.svd(centred, full_matrices=False)
    basis = basis[:2] * np.sign(basis[[0, 1], np.abs(basis[:2]).argmax(axis=1)])[:, None]
    xy, axes = project(features)
    if singular[0] > 1.02 * singular[1] and (len(singular) < 3 or singular[1] > 1.02 * singular[2]):
        np.testing.assert_allclose(xy, centred @ basis.T, atol=1e-2)
    shares = singular[:2] ** 2 / (singular**2).sum()
    printed = [float(axis.split("(")[1].split("%")[0]) for axis in axes]
    np.testing.assert_allclose(printed, 100 * shares, atol=0.51)


@pytest.mark.parametrize("offset", [0, 50, 1000])
def test_features_far_from_zero_lose_no_digits(offset):
    features = np.random.default_rng(0).normal(size=(300, 40)) * np.linspace(3, 1, 40)
    np.testing.assert_allclose(project(features + offset)[0], project(features)[0], atol=0.02)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_points_are_float32_whatever_the_features_are(dtype):
    features, _ = _clusters()
    xy, _ = project(features.astype(dtype))
    assert xy.dtype == np.float32
    np.testing.assert_allclose(xy, project(features)[0], atol=0.05)


def test_an_image_without_cells_leaves_no_point(tmp_path):
    features, _ = _clusters(6)
    _write_embeddings(tmp_path, "none", np.zeros((0, 3)), [])
    _write_embeddings(tmp_path, "some", features, range(1, 7))
    projection = project_run(tmp_path, ["none", "some"])
    assert projection.images.tolist() == ["some"] * 6


def test_each_method_has_a_file_of_its_own(tmp_path):
    features, _ = _clusters(10)
    _write_embeddings(tmp_path, "a", features, range(1, 11))
    project_run(tmp_path, ["a"])
    assert read_projection(tmp_path, "pca").method == "pca"
    assert read_projection(tmp_path, "umap") is None


def test_what_was_stored_is_what_was_projected(tmp_path):
    features, _ = _clusters(10)
    _write_embeddings(tmp_path, "a", features, range(1, 11))
    projection, stored = project_run(tmp_path, ["a"]), read_projection(tmp_path, "pca")
    np.testing.assert_array_equal(stored.xy, projection.xy)
    np.testing.assert_array_equal(stored.cell_ids, projection.cell_ids)
    assert stored.axes == projection.axes
    assert [path.name for path in tmp_path.glob("*.npz")] == ["projection_pca.npz"]
