"""Covered area."""

import numpy as np
import pytest
from scipy import ndimage

from cellapp.segmentation.confluency import confluency, iterative_mask
from cellapp.types.cells import LabelMask
from tests.segmentation.phantoms import grid_of_discs


def test_share_of_labels_and_of_masks():
    labels = np.zeros((10, 10), np.int32)
    labels[:5, :5] = 3
    assert confluency(LabelMask(labels, "by hand")) == 0.25
    assert confluency(labels > 0) == 0.25
    assert confluency(np.zeros((4, 4), bool)) == 0


@pytest.mark.parametrize("sign", [1, -1], ids=["brighter", "darker"])
def test_known_area_within_two_percent(sign):
    truth = grid_of_discs(30) > 0
    rng = np.random.default_rng(0)
    plane = 0.5 + sign * 0.3 * ndimage.gaussian_filter(truth.astype(float), 1.0) + rng.normal(0, 0.02, truth.shape)
    assert confluency(iterative_mask(plane)) == pytest.approx(truth.mean(), rel=0.02)


def test_dim_cells_beside_bright_ones_are_covered_too():
    labels = grid_of_discs(30)
    light = np.where(labels % 2 == 1, 0.9, 0.25) * (labels > 0)
    plane = ndimage.gaussian_filter(light, 1.0) + np.random.default_rng(0).normal(0, 0.01, labels.shape)
    assert confluency(iterative_mask(plane)) == pytest.approx((labels > 0).mean(), rel=0.03)


def test_noise_is_not_covered():
    assert not iterative_mask(np.random.default_rng(0).normal(size=(200, 200))).any()
