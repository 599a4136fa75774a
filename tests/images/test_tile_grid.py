"""Grids of tiles by their names: every way of writing rows and columns, what is missing, and what is no grid."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.images.tile_grid import group_tiles

ROW_FIRST = [
    "tile_{y}_{x}.tif",
    "Tile-{y}-{x}_DAPI.tif",
    "mosaic {y} {x}.png",
    "a_r{y}_c{x}.ome.tif",
    "a_row{y}col{x}.tif",
]
ROW_FIRST += ["day2_tile_{y:03}_{x:03}.tif", "Y{y}_X{x}.tif"]
COLUMN_FIRST = ["s_x{x}_y{y}.tif", "tile_x{x:03}_y{y:03}.tif", "scan_c{x}_r{y}.tif"]


@settings(max_examples=40, deadline=None)
@given(
    pattern=st.sampled_from(ROW_FIRST + COLUMN_FIRST),
    size=st.tuples(st.integers(1, 4), st.integers(1, 4)).filter(lambda size: size != (1, 1)),
    first=st.integers(0, 1),
    order=st.randoms(use_true_random=False),
)
def test_a_grid_is_found_whole_in_any_order_and_the_tile_that_is_missing_is_named(pattern, size, first, order):
    names = [[pattern.format(y=y + first, x=x + first) for x in range(size[1])] for y in range(size[0])]
    flat = [name for row in names for name in row]
    shuffled = [*flat, "._tile_9_9.tif", "notes_1.tif"]
    order.shuffle(shuffled)
    (grid,) = group_tiles(shuffled)
    assert [list(row) for row in grid.rows] == names
    assert grid.missing == ()
    if min(size) > 1:
        lost = order.choice(flat)
        (grid,) = group_tiles([name for name in shuffled if name != lost])
        assert grid.missing == (lost,)
        assert grid.files == tuple(flat)


@pytest.mark.parametrize(
    "names",
    [
        [f"A{w:02}_s{s}_w{c}.tif" for w, s, c in product((1, 2), (1, 2), (1, 2))],
        [f"r0{r}c0{c}f01p01-ch1sk1fk1fl1.tiff" for r, c in product((1, 2), (3, 4))],
        [f"2024_01_0{day}.tif" for day in (1, 2, 3)],
        [f"patient_{p}_{s}.tif" for p, s in product((1, 2), (1, 2))],
        [f"img_t{t}_z{z}.tif" for t, z in product((0, 1), (0, 1))],
        ["tile_0_0.tif"],
        ["tile_0_0.tif", "tile_00_00.tif"],
        ["tile_0_0.tif", "tile_9_9.tif"],
    ],
)
def test_wells_dates_patients_and_time_points_are_no_tiles(names):
    assert group_tiles(names) == []
