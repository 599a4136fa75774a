"""Flows of masks equal those of Cellpose."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import label

from cellapp.compute import torchvision_shim
from cellapp.segmentation.mask_flows import mask_flows
from tests.segmentation.phantoms import discs

torchvision_shim.install()


def by_cellpose(labels):
    from cellpose.dynamics import masks_to_flows_gpu

    return masks_to_flows_gpu(labels.astype(np.int64))[0]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40), st.floats(0.05, 0.95))
def test_flows_of_any_shapes_are_those_of_cellpose(seed, height, width, share):
    labels = label(np.random.default_rng(seed).random((height, width)) < share, connectivity=1)
    assert np.abs(mask_flows(labels) - by_cellpose(labels)).max() < 1e-6


def test_cells_of_several_sizes_that_touch_each_other_and_the_edge():
    labels = np.maximum(discs((80, 90), [(0, 0), (30, 30), (30, 55)], 14), 4 * discs((80, 90), [(70, 85)], 9))
    assert np.abs(mask_flows(labels) - by_cellpose(labels)).max() < 1e-6


@pytest.mark.parametrize("n", [0, 1])
def test_no_cell_and_one_cell_are_results(n):
    labels = discs((50, 50), [(25, 25)][:n], 12)
    flows = mask_flows(labels)
    assert flows.shape == (2, 50, 50)
    assert flows.dtype == np.float32
    lengths = np.hypot(*flows)
    assert (lengths[labels == 0] == 0).all()
    assert np.sum(lengths[labels > 0] > 0.99) >= n * ((labels > 0).sum() - 1)  # none at the very middle
