"""What tiles find is what the whole shows, wherever the seams fall and in whatever order tiles come."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cellapp.segmentation.label_image import relabel
from cellapp.segmentation.tiling.candidates import find_candidates, find_overlaps
from cellapp.segmentation.tiling.grid import overlapping_tiles, plan_tiles
from cellapp.segmentation.tiling.paint import number_cells, paint_tile
from cellapp.segmentation.tiling.stitch import stitch
from tests.segmentation.phantoms import discs

SHAPE, TILE, HALO = (150, 170), 50, 20
SEAMS = (50, 100), (42, 85, 127)


def cut(truth, tile):
    return relabel(truth[tile.window.slices])


def join(found, tiles, shape, order=None, **dropping):
    """Stitch label images of all windows, painted in some order."""
    candidates = [find_candidates(tile, labels, shape) for tile, labels in zip(tiles, found, strict=True)]
    overlaps = [
        (a.number, b.number, find_overlaps(a, found[a.number], b, found[b.number])) for a, b in overlapping_tiles(tiles)
    ]
    if order is not None:
        overlaps = [overlaps[at] for at in np.random.default_rng(len(overlaps)).permutation(len(overlaps))]
    stitched = stitch(candidates, overlaps, HALO / 2)
    canvas = np.zeros(shape, np.int32)
    for number in order if order is not None else range(len(tiles)):
        paint_tile(canvas, tiles[number], found[number], stitched.ranks[number])
    number_cells(canvas, area_px=stitched.area_px, **dropping)
    return canvas


def numbered(labels):
    canvas = labels.astype(np.int32)
    number_cells(canvas)
    return canvas


def shaken(truth, tile, rng):
    """What a segmenter might find in a tile: outlines off by a pixel, here and there a cell missed or two joined."""
    labels = cut(ndimage.shift(truth, rng.integers(-1, 2, 2), order=0), tile)
    ids = np.arange(labels.max() + 1)
    ids[rng.random(len(ids)) < 0.05] = 0
    joined = rng.random(len(ids)) < 0.05
    ids[joined] = ids[np.maximum(np.flatnonzero(joined) - 1, 0)]
    return relabel(ids[labels])


@given(
    centres=st.lists(st.tuples(st.integers(-4, 154), st.integers(-4, 174)), max_size=40),
    tile_px=st.integers(23, 80),
)
@settings(max_examples=40, deadline=None)
def test_cells_seen_alike_by_all_tiles_are_neither_cut_nor_doubled_nor_lost(centres, tile_px):
    truth = numbered(discs(SHAPE, centres, 8))
    tiles = plan_tiles(SHAPE, tile_px, HALO)
    np.testing.assert_array_equal(join([cut(truth, tile) for tile in tiles], tiles, SHAPE), truth)


@pytest.mark.parametrize("offset", [(0, 0), (-1, 0), (0, 1), (3, -4)])
def test_a_cell_on_every_seam_and_every_corner(offset):
    rows = sorted({*SEAMS[0], 25, 75, 125})
    columns = sorted({*SEAMS[1], 21, 63, 106, 148})
    centres = [(y + offset[0], x + offset[1]) for y, x in itertools.product(rows, columns)]
    truth = numbered(discs(SHAPE, centres, 9))
    tiles = plan_tiles(SHAPE, TILE, HALO)
    found = join([cut(truth, tile) for tile in tiles], tiles, SHAPE)
    assert found.max() == len(centres)
    np.testing.assert_array_equal(found, truth)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_the_order_of_the_tiles_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    truth = discs(SHAPE, rng.integers(0, SHAPE, (30, 2)), 8)
    tiles = plan_tiles(SHAPE, TILE, HALO)
    found = [shaken(truth, tile, rng) for tile in tiles]
    expected = join(found, tiles, SHAPE)
    np.testing.assert_array_equal(join(found, tiles, SHAPE, order=rng.permutation(len(tiles))), expected)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_where_tiles_disagree_no_cell_is_kept_twice(seed):
    rng = np.random.default_rng(seed)
    places = [(y, x) for y in range(10, 150, 19) for x in range(10, 170, 19)]
    truth = discs(SHAPE, places + rng.integers(-1, 2, (len(places), 2)), 8)
    tiles = plan_tiles(SHAPE, TILE, HALO)
    found = join([shaken(truth, tile, rng) for tile in tiles], tiles, SHAPE)
    assert found.max() <= len(places)


def test_a_cell_that_one_tile_cuts_in_two_is_kept_as_its_owner_sees_it():
    tiles = plan_tiles((60, 100), 60, HALO)
    truth = discs((60, 100), [(30, 44)], 9)  # centred in the left tile, whose seam is at 50
    left, right = (cut(truth, tile) for tile in tiles)
    y, _ = np.nonzero(right)
    right[: int(y.mean())][right[: int(y.mean())] > 0] = 2
    np.testing.assert_array_equal(join([left, right], tiles, (60, 100)), truth)


@pytest.mark.parametrize("disagree", [(-2, 3), (2, -3), (0, 0)])
def test_a_cell_whose_centre_each_tile_puts_on_the_other_side_is_kept_once(disagree):
    tiles = plan_tiles((60, 100), 60, HALO)
    pictures = [discs((60, 100), [(30, 50 + shift)], 9) for shift in disagree]
    found = join([cut(picture, tile) for picture, tile in zip(pictures, tiles, strict=True)], tiles, (60, 100))
    assert found.max() == 1
    assert any((found == picture).all() for picture in pictures)


def test_a_cell_larger_than_the_halo_is_joined_from_its_pieces():
    truth = np.zeros(SHAPE, np.int32)
    truth[70:82, 5:165] = 1
    truth[20:30, 20:30] = 2
    tiles = plan_tiles(SHAPE, TILE, HALO)
    found = join([cut(truth, tile) for tile in tiles], tiles, SHAPE)
    np.testing.assert_array_equal(found, numbered(truth))


@pytest.mark.parametrize("n", [0, 1])
def test_no_cell_and_one_cell(n):
    truth = discs(SHAPE, [(50, 85)][:n], 8)
    tiles = plan_tiles(SHAPE, TILE, HALO)
    np.testing.assert_array_equal(join([cut(truth, tile) for tile in tiles], tiles, SHAPE), truth)


def test_one_tile_is_the_whole():
    truth = numbered(discs(SHAPE, [(0, 0), (75, 85), (149, 169)], 12))
    tiles = plan_tiles(SHAPE, 1000, HALO)
    np.testing.assert_array_equal(join([truth], tiles, SHAPE), truth)
