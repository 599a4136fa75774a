import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.segmentation.tiling import paint
from cellapp.segmentation.tiling.grid import plan_tiles
from cellapp.segmentation.tiling.paint import bands, number_cells, paint_tile
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


@given(labels=label_arrays(), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_the_higher_rank_wins_whatever_the_order_of_the_tiles(labels, seed):
    rng = np.random.default_rng(seed)
    tiles = plan_tiles(labels.shape, 8, 3)
    ranks = [rng.integers(0, 50, labels.max() + 1).astype(np.int32) for _ in tiles]
    for rank in ranks:
        rank[0] = 0
    expected = np.zeros(labels.shape, np.int32)
    canvases = [expected, np.zeros(labels.shape, np.int32)]
    for canvas, order in zip(canvases, (tiles, tiles[::-1]), strict=True):
        for tile in order:
            paint_tile(canvas, tile, labels[tile.window.slices], ranks[tile.number])
    np.testing.assert_array_equal(canvases[1], expected)
    assert not expected[labels == 0].any()


@given(labels=label_arrays(), least=st.integers(0, 12))
@settings(max_examples=30, deadline=None)
def test_numbers_are_as_many_as_cells_of_enough_pixels(labels, least):
    sizes = np.bincount(labels.ravel())[1:]
    canvas = labels.copy()
    assert number_cells(canvas, min_size_px=least) == np.count_nonzero(sizes >= max(least, 1))
    assert canvas.max(initial=0) == np.count_nonzero(sizes >= max(least, 1))


def test_a_file_is_numbered_in_place(tmp_path):
    canvas = np.memmap(tmp_path / "labels", np.int32, "w+", shape=(6, 7))
    canvas[1, 2:5], canvas[4, 1:3] = 9, 4
    assert number_cells(canvas) == 2
    canvas.flush()
    stored = np.memmap(tmp_path / "labels", np.int32, "r", shape=(6, 7))
    assert stored[1, 2:5].tolist() == [1, 1, 1]
    assert stored[4, 1:3].tolist() == [2, 2]
