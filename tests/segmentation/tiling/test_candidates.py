"""What tiles propose, against plain counting on the slide."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.segmentation.label_image import relabel
from cellapp.segmentation.tiling.candidates import find_candidates, find_overlaps, inner_edge_labels, join_candidates
from cellapp.segmentation.tiling.grid import overlapping_tiles, plan_tiles
from cellapp.types.image import Region
from tests.cells.toy import label_arrays

HALO = 3


def proposals(labels, tile_px):
    """Tiles of a label image and the labels each of them shows, numbered anew."""
    tiles = plan_tiles(labels.shape, tile_px, HALO)
    return tiles, [relabel(labels[tile.window.slices]) for tile in tiles]


@given(labels=label_arrays(), tile_px=st.integers(4, 30))
@settings(max_examples=40, deadline=None)
def test_area_and_position_are_those_in_the_window(labels, tile_px):
    for tile, own in zip(*proposals(labels, tile_px), strict=True):
        candidates = find_candidates(tile, own, labels.shape)
        assert len(candidates) == own.max(initial=0)
        assert (candidates.tile == tile.number).all()
        for row in range(len(candidates)):
            y, x = np.nonzero(own == row + 1)
            assert candidates.area_px[row] == len(y)
            np.testing.assert_allclose(candidates.y[row], y.mean() + tile.window.y)
            np.testing.assert_allclose(candidates.x[row], x.mean() + tile.window.x)


@given(labels=label_arrays(), tile_px=st.integers(4, 30))
@settings(max_examples=40, deadline=None)
def test_a_cell_is_cut_where_its_window_ends_inside_the_slide(labels, tile_px):
    for tile, own in zip(*proposals(labels, tile_px), strict=True):
        candidates = find_candidates(tile, own, labels.shape)
        window = tile.window
        for row, cut in enumerate(candidates.cut):
            y, x = np.nonzero(own == row + 1)
            at_edge = (
                (window.y > 0 and (y == 0).any())
                or (window.x > 0 and (x == 0).any())
                or (window.y + window.height < labels.shape[0] and (y == window.height - 1).any())
                or (window.x + window.width < labels.shape[1] and (x == window.width - 1).any())
            )
            assert cut == at_edge


@given(labels=label_arrays(), tile_px=st.integers(4, 30))
@settings(max_examples=40, deadline=None)
def test_every_centroid_is_inside_the_core_of_one_tile(labels, tile_px):
    tiles = plan_tiles(labels.shape, tile_px, max(labels.shape))  # every window is the whole slide
    inside = [find_candidates(tile, relabel(labels), labels.shape).depth_px > 0 for tile in tiles]
    on_seam = [find_candidates(tile, relabel(labels), labels.shape).depth_px == 0 for tile in tiles]
    assert (np.sum(inside, axis=0) + (np.sum(on_seam, axis=0) > 0) >= 1).all()
    assert (np.sum(inside, axis=0) <= 1).all()


@given(labels=label_arrays(), tile_px=st.integers(4, 12))
@settings(max_examples=40, deadline=None)
def test_overlaps_are_the_pairs_that_share_pixels(labels, tile_px):
    tiles, own = proposals(labels, tile_px)
    for one, other in overlapping_tiles(tiles):
        canvas = [np.zeros(labels.shape, int) for _ in range(2)]
        visible = [np.zeros(labels.shape, bool) for _ in range(2)]
        for plane, seen, tile in zip(canvas, visible, (one, other), strict=True):
            plane[tile.window.slices], seen[tile.window.slices] = own[tile.number], True
        a, b = (np.where(visible[0] & visible[1], plane, 0) for plane in canvas)
        expected = {
            (i - 1, j - 1): (((a == i) & (b == j)).sum(), (a == i).sum(), (b == j).sum())
            for i, j in set(zip(a[(a > 0) & (b > 0)].tolist(), b[(a > 0) & (b > 0)].tolist(), strict=True))
        }
        pairs = find_overlaps(one, own[one.number], other, own[other.number])
        rows = zip(pairs.a, pairs.b, pairs.n_px, pairs.visible_a_px, pairs.visible_b_px, strict=True)
        assert {(i, j): (n, size_a, size_b) for i, j, n, size_a, size_b in rows} == expected


def test_tiles_apart_share_nothing():
    tiles = plan_tiles((10, 40), 10, 2)
    labels = np.ones((14, 14), np.int32)
    pairs = find_overlaps(tiles[0], labels, tiles[-1], labels)
    assert all(len(getattr(pairs, name)) == 0 for name in ("a", "b", "n_px", "visible_a_px", "visible_b_px"))


def test_joined_candidates_keep_the_order_of_the_tiles():
    labels = np.zeros((12, 30), np.int32)
    labels[2:5, 2:5], labels[6:9, 20:25] = 1, 2
    tiles, own = proposals(labels, 12)
    parts = [find_candidates(tile, part, labels.shape) for tile, part in zip(tiles, own, strict=True)]
    joined = join_candidates(parts)
    assert len(joined) == sum(map(len, parts))
    assert (np.diff(joined.tile) >= 0).all()
    np.testing.assert_array_equal(joined.area_px, np.concatenate([part.area_px for part in parts]))


@pytest.mark.parametrize(("y", "x", "expected"), [
    (0, 0, {3, 4}), (0, 5, {1, 3, 4}), (5, 0, {2, 3, 4}), (5, 5, {1, 2, 3, 4}),
])  # fmt: skip
def test_edges_of_the_slide_are_no_inner_edges(y, x, expected):
    labels = np.zeros((10, 10), np.int32)
    labels[5, 0], labels[0, 5], labels[-1, 5], labels[5, -1] = 1, 2, 3, 4
    assert set(inner_edge_labels(labels, Region(y, x, 10, 10), (20, 20))) - {0} == expected


def test_a_window_that_is_the_whole_slide_has_no_inner_edges():
    assert inner_edge_labels(np.ones((4, 6), np.int32), Region(0, 0, 4, 6), (4, 6)).size == 0
