"""Intensities: those of numpy on each cell, whatever the batches, the order of parts and the offset."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cellapp.cells import intensity
from cellapp.cells.intensity import Moments, intensities
from cellapp.cells.packed_crops import find_boxes
from tests.cells.toy import blobs, label_arrays, noise

STATISTICS = {"mean": np.mean, "std": np.std, "min": np.min, "max": np.max, "sum": np.sum}


def measured(labels, pixels):
    ids, boxes = find_boxes(labels)
    names = tuple("ab"[: len(pixels)])
    return ids, intensities(lambda r: pixels[(slice(None), *r.slices)], labels, ids, boxes, channels=names)


@given(labels=label_arrays(), dtype=st.sampled_from(["uint8", "uint16", "float32"]))
@settings(max_examples=30, deadline=None)
def test_every_statistic_is_that_of_the_cell_s_pixels(labels, dtype):
    pixels = noise(labels.shape, dtype)
    ids, table = measured(labels, pixels)
    for name, statistic in STATISTICS.items():
        for channel, plane in zip("ab", pixels.astype(np.float64), strict=True):
            expected = [statistic(plane[labels == cell_id]) for cell_id in ids]
            np.testing.assert_allclose(table[f"intensity_{name}_{channel}"], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("batch_px", [1, 50, 700, 10**6])
def test_batches_do_not_show(batch_px, monkeypatch):
    labels = blobs(7)
    pixels = noise(labels.shape)
    _, expected = measured(labels, pixels)
    monkeypatch.setattr(intensity, "BATCH_PX", batch_px)
    _, table = measured(labels, pixels)
    for name, values in expected.items():
        np.testing.assert_allclose(table[name], values, rtol=1e-12)


@given(
    values=st.lists(st.floats(-100, 100), min_size=2, max_size=40),
    at=st.integers(1, 39),
    offset=st.sampled_from([0.0, 1e6]),
)
def test_merged_parts_are_the_whole_even_far_from_zero(values, at, offset):
    values, at = np.array(values) + offset, min(at, len(values) - 1)
    moments = Moments.empty(2)
    for part in (values[:at], values[at:]):
        moments.add(np.array([1]), part, np.array([0]))
    assert moments.n.tolist() == [0, len(values)]
    np.testing.assert_allclose(moments.mean[1], values.mean(), rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(moments.variance[1], values.var(), rtol=1e-6, atol=1e-6)
    assert (moments.minimum[1], moments.maximum[1]) == (values.min(), values.max())


def test_sharpness_is_the_variance_of_the_laplacian_over_the_squared_mean():
    labels = blobs(3)
    pixels = noise(labels.shape)
    ids, table = measured(labels, pixels)
    gray = pixels.mean(axis=0)
    laplacian = ndimage.laplace(gray, mode="nearest")
    expected = [laplacian[labels == i].var() / gray[labels == i].mean() ** 2 for i in ids]
    np.testing.assert_allclose(table["sharpness"], expected, rtol=1e-9)


def test_a_black_cell_has_no_sharpness_and_no_warning():
    labels = blobs(2)
    _, table = measured(labels, np.zeros((1, *labels.shape), np.uint8))
    assert table["sharpness"].tolist() == [0.0, 0.0]


def test_no_cells_give_empty_columns():
    _, table = measured(np.zeros((9, 9), np.int32), noise((9, 9)))
    assert len(table) == 11
    assert all(values.shape == (0,) for values in table.values())
