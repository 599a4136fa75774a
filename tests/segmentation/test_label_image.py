"""Label images keep their ids."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from cellapp.errors import InputError
from cellapp.segmentation.label_image import drop_small, relabel, resize_labels
from tests.segmentation.phantoms import discs

LABELS = arrays(np.int32, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 9))


@settings(max_examples=50, deadline=None)
@given(labels=LABELS, height=st.integers(1, 30), width=st.integers(1, 30))
def test_resizing_invents_no_cells(labels, height, width):
    resized = resize_labels(labels, (height, width))
    assert resized.shape == (height, width)
    assert resized.dtype == labels.dtype
    assert set(np.unique(resized)) <= set(np.unique(labels))


@settings(max_examples=30, deadline=None)
@given(labels=LABELS, factor=st.integers(1, 4))
def test_up_and_down_again_is_the_same(labels, factor):
    larger = resize_labels(labels, (labels.shape[0] * factor, labels.shape[1] * factor))
    np.testing.assert_array_equal(resize_labels(larger, labels.shape), labels)


def test_an_ordinary_resize_would_invent_cells():
    labels = 100 * discs((40, 40), [(12, 12), (28, 28)], 10)
    ordinary = np.asarray(Image.fromarray(labels).resize((23, 23)))
    assert not set(np.unique(ordinary)) <= {0, 100, 200}
    assert set(np.unique(resize_labels(labels, (23, 23)))) == {0, 100, 200}


@pytest.mark.parametrize("labels", [np.zeros((3, 3)), np.zeros((2, 3, 3), int)])
def test_only_label_images_are_resized(labels):
    with pytest.raises(InputError, match="label image"):
        resize_labels(labels, (2, 2))


def test_no_side_is_empty():
    with pytest.raises(InputError, match="at least one"):
        resize_labels(np.zeros((3, 3), int), (0, 2))


@settings(max_examples=50, deadline=None)
@given(labels=LABELS)
def test_relabelling_only_renames(labels):
    renamed = relabel(labels)
    assert renamed.dtype == np.int32
    pairs = {(int(a), int(b)) for a, b in zip(labels.ravel(), renamed.ravel(), strict=True)}
    ids = sorted(set(labels.ravel().tolist()) - {0})
    assert pairs - {(0, 0)} == {(old, new) for new, old in enumerate(ids, start=1)}


def test_small_cells_go_and_the_others_keep_their_ids():
    labels = np.array([[5, 5, 5], [0, 7, 7], [0, 0, 9]], np.int32)
    np.testing.assert_array_equal(drop_small(labels, 2), [[5, 5, 5], [0, 7, 7], [0, 0, 0]])
    np.testing.assert_array_equal(drop_small(labels, 0), labels)
