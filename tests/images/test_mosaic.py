"""Tiles put together are the whole, in any window of it."""

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.images.mosaic import Mosaic, join_tiles
from cellapp.images.read import open_slide
from tests.paths import shared_data

SPAN = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 4)).map(lambda s: slice(*s))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 7), st.integers(1, 7), SPAN, SPAN)
def test_any_window_of_a_mosaic_is_that_of_the_whole(n_rows, n_columns, height, width, rows, columns):
    whole = np.arange(2 * n_rows * height * n_columns * width, dtype=np.uint32)
    whole = whole.reshape(2, n_rows * height, n_columns * width)
    tiles = [np.split(strip, n_columns, axis=2) for strip in np.split(whole, n_rows, axis=1)]
    window = (slice(0, 2), rows, columns)
    assert Mosaic(tiles).shape == whole.shape
    np.testing.assert_array_equal(Mosaic(tiles)[window], whole[window])


def slide(path, pixels):
    tifffile.imwrite(path, pixels, photometric="minisblack")
    return open_slide(path)


def test_tiles_of_other_sizes_or_channels_are_refused_with_both(tmp_path):
    first = slide(tmp_path / "a.tif", np.zeros((8, 9), np.uint8))
    with pytest.raises(InputError, match="'a.tif' has 8 x 9 px but 'b.tif' 8 x 8"):
        join_tiles([first, slide(tmp_path / "b.tif", np.zeros((8, 8), np.uint8))], 2, "m")
    with pytest.raises(InputError, match="'a.tif' has 1 channels but 'c.tif' 2"):
        join_tiles([first, slide(tmp_path / "c.tif", np.zeros((2, 8, 9), np.uint8))], 2, "m")
    with pytest.raises(InputError, match="rows of 2; got 3"):
        join_tiles([first] * 3, 2, "m")


def test_order_and_arrangement_tell_mosaics_apart(tmp_path):
    one, two = (slide(tmp_path / f"{n}.tif", np.full((4, 4), n, np.uint8)) for n in (1, 2))
    digests = {join_tiles(tiles, n, "m").digest for tiles, n in (([one, two], 2), ([two, one], 2), ([one, two], 1))}
    assert len(digests) == 3


def test_the_tiles_of_an_instrument_become_one_slide():
    folder = shared_data("instrument_files/tile_grid")
    tiles = [open_slide(folder / f"tile_{y}_{x}.tif") for y in range(2) for x in range(2)]
    joined = join_tiles(tiles, 2, "grid")
    assert joined.info.shape == (2, 512, 512)
    assert "overlaps are not looked for" in joined.info.notes[0]
    np.testing.assert_array_equal(joined.region()[:, 256:, :256], tiles[2].region())
