import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.segmentation.tiling.grid import (
    LEAST_HALO_PX,
    halo_px,
    intersection,
    overlapping_tiles,
    plan_tiles,
    relative_to,
)
from cellapp.types.image import Region

SIDES = st.integers(1, 90)


@given(shape=st.tuples(SIDES, SIDES), tile_px=st.integers(5, 60), halo=st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_cores_cover_the_slide_once_and_windows_reach_as_far_as_promised(shape, tile_px, halo):
    tiles = plan_tiles(shape, tile_px, halo)
    covered = np.zeros(shape, int)
    for tile in tiles:
        covered[tile.core.slices] += 1
        assert max(tile.core.height, tile.core.width) <= tile_px
        reach = np.pad(np.ones((tile.core.height, tile.core.width), bool), halo)
        assert intersection(tile.core, tile.window) == tile.core
        y, x = tile.core.y - halo, tile.core.x - halo
        assert tile.window == intersection(Region(y, x, *reach.shape), Region(0, 0, *shape))
    assert (covered == 1).all()
    assert [tile.number for tile in tiles] == list(range(len(tiles)))


@given(shape=st.tuples(SIDES, SIDES), tile_px=st.integers(5, 60), halo=st.integers(0, 40))
@settings(max_examples=40, deadline=None)
def test_neighbours_are_all_pairs_that_share_pixels(shape, tile_px, halo):
    tiles = plan_tiles(shape, tile_px, halo)
    expected = {
        (a.number, b.number) for a in tiles for b in tiles if a.number < b.number and intersection(a.window, b.window)
    }
    found = [(a.number, b.number) for a, b in overlapping_tiles(tiles)]
    assert len(found) == len(set(found))
    assert set(found) == expected


def test_a_small_image_is_one_tile_and_its_window_is_the_whole():
    (tile,) = plan_tiles((300, 200), 300, 64)
    assert tile.core == tile.window == Region(0, 0, 300, 200)


@pytest.mark.parametrize("diameter_px", [3, 30.5, 400])
def test_the_halo_grows_with_the_cells(diameter_px):
    assert halo_px(diameter_px) >= max(2 * diameter_px, LEAST_HALO_PX)


def test_a_region_in_another_ones_pixels():
    outer, inner = Region(10, 20, 50, 50), Region(15, 30, 5, 6)
    plane = np.arange(100 * 100).reshape(100, 100)
    np.testing.assert_array_equal(plane[outer.slices][relative_to(inner, outer).slices], plane[inner.slices])
