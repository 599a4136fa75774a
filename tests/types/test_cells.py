"""Values refuse what does not fit together, and joining batches undoes cutting them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from cellapp.errors import InputError
from cellapp.types.cells import Crops, Embeddings, Explanations, LabelMask, Predictions, join_embeddings
from cellapp.types.cells import join_explanations as join
from tests.classification.heads import random_embeddings

cuts = st.lists(st.integers(0, 7), max_size=4).map(sorted)


def explanations(n, seed=0):
    rng = np.random.default_rng(seed)
    maps, rest = rng.normal(size=(n, 2, 3)).astype(np.float32), rng.normal(size=n).astype(np.float32)
    return Explanations(maps, rest, maps.sum((1, 2)) + rest, np.arange(n, dtype=np.int32), "cancer", "hirescam")


def predictions(probabilities, threshold=0.5, classes=("cancer", "normal"), positive="cancer"):
    flags = np.zeros(len(probabilities), bool)
    ids = np.arange(len(probabilities), dtype=np.int32)
    return Predictions(np.asarray(probabilities), classes, ids, flags, flags, "toy@1", True, positive, threshold)


def rows(values, start, stop):
    """The cells from one number to another of a value with a row per cell."""
    arrays = {name: value[start:stop] for name, value in vars(values).items() if isinstance(value, np.ndarray)}
    return replace(values, **arrays)


def check_equal(one, other):
    for name, value in vars(one).items():
        np.testing.assert_array_equal(value, getattr(other, name), err_msg=name)


@given(npst.arrays(np.int32, npst.array_shapes(min_dims=2, max_dims=2), elements=st.integers(0, 9)))
def test_ids_of_a_mask_are_its_labels_without_background(labels):
    ids = LabelMask(labels, "made@1").cell_ids
    assert ids.dtype == np.int32
    assert ids.tolist() == sorted(set(labels.ravel().tolist()) - {0})


@pytest.mark.parametrize("labels", [np.zeros((3, 3)), np.zeros((1, 3, 3), np.int32), np.zeros(3, np.int32)])
def test_a_mask_is_a_picture_of_integers(labels):
    with pytest.raises(InputError, match="array of integers"):
        LabelMask(labels, "made@1")


def test_each_crop_has_an_id():
    pixels = [np.zeros((1, 2, 3)), np.zeros((1, 4, 4))]
    assert len(Crops(pixels, np.array([3, 8]), ("a",))) == 2
    with pytest.raises(InputError, match="2 crops but 1 cell ids"):
        Crops(pixels, np.array([3]), ("a",))


@given(cuts)
def test_joining_batches_of_vectors_undoes_cutting(at):
    whole = replace(random_embeddings(7), measured=np.arange(14, dtype=np.float32).reshape(7, 2))
    edges = [0, *at, 7]
    parts = [rows(whole, *edge) for edge in zip(edges, edges[1:], strict=False)]
    check_equal(join_embeddings(parts), whole)


def test_joined_vectors_leave_patch_tokens_out():
    whole = random_embeddings(4, grid=(2, 3))
    joined = join_embeddings([whole, whole])
    assert joined.patches is None
    assert len(joined.cls) == 8


@given(cuts)
def test_joining_batches_of_maps_undoes_cutting(at):
    whole, edges = explanations(7), [0, *at, 7]
    check_equal(join([rows(whole, *edge) for edge in zip(edges, edges[1:], strict=False)]), whole)


def test_the_input_of_a_head_is_what_was_encoded_and_measured():
    crops = random_embeddings(3, dim=4)
    assert crops.source == "crops"
    np.testing.assert_array_equal(crops.features, np.hstack([crops.cls, crops.mean_patch]))
    measured = replace(crops, measured=np.ones((3, 2), np.float32))
    assert measured.features.shape == (3, 4 + 4 + 2)
    spread = np.full((3, 4), 2, np.float32)
    grid = Embeddings(np.zeros((3, 0), np.float32), crops.mean_patch, crops.cell_ids, "tiny@1", spread_patch=spread)
    assert grid.source == "grid"
    np.testing.assert_array_equal(grid.features, np.hstack([crops.mean_patch, spread]))


@given(st.floats(0.05, 0.95), st.lists(st.floats(0, 1), max_size=9))
def test_the_positive_class_begins_at_the_threshold_and_the_margin_ends_there(threshold, values):
    p = np.array(values)
    found = predictions(np.stack([p, 1 - p], axis=1), threshold)
    assert (found.labels == "cancer").tolist() == (p >= threshold).tolist()
    assert ((found.margin >= 0) & (found.margin <= 1)).all()
    assert predictions([[threshold, 1 - threshold]], threshold).margin == pytest.approx(0)
    for side in (p >= threshold, p < threshold):  # farther from the threshold is never less certain
        order = np.argsort(np.abs(p[side] - threshold))
        assert (np.diff(found.margin[side][order]) >= -1e-12).all()


def test_of_more_classes_the_most_probable_counts():
    found = predictions([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]], 0.1, ("cancer", "normal", "debris"))
    assert found.labels.tolist() == ["normal", "cancer"]
    np.testing.assert_allclose(found.margin, [0.2, 0.3])


@pytest.mark.parametrize("shape", [(2, 3), (1, 2)])
def test_probabilities_have_a_row_per_cell_and_a_column_per_class(shape):
    ids, flags = np.arange(2), np.zeros(2, bool)
    with pytest.raises(InputError, match="do not fit 2 cells and 2 classes"):
        Predictions(np.zeros(shape), ("cancer", "normal"), ids, flags, flags, "toy@1", True)


@given(st.integers(0, 6), st.integers(0, 9))
def test_one_colour_scale_holds_every_map(n, seed):
    found = explanations(n, seed)
    assert (np.abs(found.maps) <= found.limit).all()
    assert found.limit == (np.abs(found.maps).max() if n else 0)
