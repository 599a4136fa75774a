import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.images.pyramid import halve
from cellapp.types.image import Region
from cellapp.viewer.multiscale_reader import TILE_PX, MultiscaleReader, n_levels, size_at, tile_region
from tests.images.slides import noise, slide_of

SHAPE = (1030, 1543)


def mosaic(view, level):
    """All tiles of a level, put together."""
    height, width = (-(-n // 2**level) for n in view.shape)
    rows = range(-(-height // TILE_PX))
    columns = range(-(-width // TILE_PX))
    return np.concatenate(
        [
            np.concatenate([view.read(tile_region(view.shape, level, y, x), level) for x in columns], axis=2)
            for y in rows
        ],
        axis=1,
    )


def levels_of(pixels, n):
    found = [pixels]
    for _ in range(n - 1):
        found.append(halve(found[-1]))
    return found


@pytest.mark.parametrize("n_stored", [1, 2, 3])
def test_tiles_put_together_are_the_level(n_stored):
    levels = levels_of(noise(2, *SHAPE), 3)
    view = MultiscaleReader(slide_of(*levels[:n_stored]))
    for level in range(2):
        np.testing.assert_array_equal(mosaic(view, level), levels[level])
    if n_stored == 3:
        np.testing.assert_array_equal(mosaic(view, 2), levels[2])


def test_every_tile_has_the_size_the_grid_says_even_from_levels_that_lost_a_pixel():
    pixels = noise(1, 1025, 1537)
    view = MultiscaleReader(slide_of(pixels, pixels[:, :1024:4, :1536:4]))  # floor(n / 4), as some scanners write
    for level in range(n_levels(view.shape)):
        assert mosaic(view, level).shape[1:] == size_at(Region(0, 0, *view.shape), level)


def test_without_a_pyramid_coarse_tiles_come_from_an_overview_read_in_strides():
    class Watched:
        """Remembers the largest block that was asked for."""

        shape, dtype = (1, 20_000, 30_000), np.dtype(np.uint8)
        largest = 0

        def __getitem__(self, key):
            rows, columns = (range(n)[s] for n, s in zip(self.shape[1:], key[1:], strict=True))
            self.largest = max(self.largest, len(rows) * len(columns))
            return np.broadcast_to(np.arange(len(columns), dtype=np.uint8), (1, len(rows), len(columns)))

    level0 = Watched()
    view = MultiscaleReader(slide_of(level0))
    coarsest = n_levels(view.shape) - 1
    tile = view.read(tile_region(view.shape, coarsest, 0, 0), coarsest)
    assert tile.shape == (1, *size_at(Region(0, 0, *view.shape), coarsest))
    assert level0.largest < 20_000 * 30_000 / 4


@given(height=st.integers(1, 5000), width=st.integers(1, 5000))
@settings(max_examples=40, deadline=None)
def test_tiles_cover_every_pixel_once(height, width):
    for level in range(n_levels((height, width))):
        side = TILE_PX * 2**level
        regions = [
            tile_region((height, width), level, y, x)
            for y in range(-(-height // side))
            for x in range(-(-width // side))
        ]
        assert sum(region.height * region.width for region in regions) == height * width
    assert len(regions) == 1


@pytest.mark.parametrize(("level", "row", "column"), [(-1, 0, 0), (3, 0, 0), (0, 3, 0), (0, 0, 4), (0, -1, 0)])
def test_a_tile_that_is_not_there_is_told(level, row, column):
    with pytest.raises(InputError, match="has no tile"):
        tile_region(SHAPE, level, row, column)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (TILE_PX, TILE_PX)])
def test_small_and_narrow_images_have_tiles(shape):
    view = MultiscaleReader(slide_of(noise(1, *shape)))
    for level in range(n_levels(shape)):
        assert mosaic(view, level).shape == (1, *size_at(Region(0, 0, *shape), level))
