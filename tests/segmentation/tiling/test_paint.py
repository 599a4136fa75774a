import numpy as np
import pytest
from hypothesis import given, settings

from cellapp.segmentation.tiling import paint
from cellapp.segmentation.tiling.paint import bands, number_cells
from tests.cells.toy import label_arrays


@given(labels=label_arrays())
@settings(max_examples=40, deadline=None)
def test_cells_are_numbered_in_reading_order_and_keep_their_pixels(labels):
    canvas = labels.copy()
    n = number_cells(canvas)
    met = list(dict.fromkeys(canvas[canvas != 0].tolist()))
    assert met == list(range(1, n + 1))
    pairs = set(zip(labels.ravel().tolist(), canvas.ravel().tolist(), strict=True))
    assert len(pairs) == len({old for old, _ in pairs}) == len({new for _, new in pairs})


def test_ids_do_not_depend_on_those_before():
    labels = np.array([[0, 7, 7, 0], [3, 0, 7, 9]], np.int32)
    number_cells(labels)
    np.testing.assert_array_equal(labels, [[0, 1, 1, 0], [2, 0, 1, 3]])


def test_cells_too_small_or_robbed_of_most_pixels_are_dropped():
    labels = np.array([[1, 2, 2, 2, 0, 3, 3]], np.int32)
    assert number_cells(labels.copy(), min_size_px=2) == 2
    assert number_cells(labels, area_px=np.array([0, 1, 7, 4])) == 2
    np.testing.assert_array_equal(labels, [[1, 0, 0, 0, 0, 2, 2]])


@pytest.mark.parametrize("band_px", [1, 7, 10**6])
def test_bands_change_nothing(band_px, monkeypatch):
    labels = np.random.default_rng(0).integers(0, 9, (13, 11)).astype(np.int32)
    whole, banded = labels.copy(), labels.copy()
    number_cells(whole)
    monkeypatch.setattr(paint, "BAND_PX", band_px)
    number_cells(banded)
    np.testing.assert_array_equal(banded, whole)
    assert sum(band.height for band in bands(labels.shape)) == 13
