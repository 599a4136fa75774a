"""Reading rectangles: the same pixels from a slide, an array, a function and a cache, decoded as rarely as promised."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.cells import region_reader
from cellapp.cells.region_reader import BlockCache, cached_reader, reader
from cellapp.errors import InputError
from cellapp.types.image import Region
from tests.cells.toy import noise, slide_of

SHAPE = (70, 90)


class Recorder:
    """A source that notes which regions it is asked for."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels, self.regions = pixels, []

    def __call__(self, region: Region) -> np.ndarray:
        self.regions.append(region)
        return self.pixels[(slice(None), *region.slices)]


@st.composite
def regions(draw):
    y, x = draw(st.integers(0, SHAPE[0] - 1)), draw(st.integers(0, SHAPE[1] - 1))
    return Region(y, x, draw(st.integers(1, SHAPE[0] - y)), draw(st.integers(1, SHAPE[1] - x)))


@given(asked=st.lists(regions(), min_size=1, max_size=8), block_px=st.sampled_from([7, 32, 512]))
@settings(max_examples=40, deadline=None)
def test_a_cache_gives_the_pixels_of_its_source(asked, block_px):
    pixels = noise(SHAPE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(region_reader, "BLOCK_PX", block_px)
        patch.setattr(region_reader, "CACHE_BYTES", 5000)
        cache = BlockCache(Recorder(pixels), SHAPE)
        for region in asked:
            np.testing.assert_array_equal(cache(region), pixels[(slice(None), *region.slices)])


@pytest.mark.parametrize("kind", ["slide", "array", "function"])
def test_every_source_reads_alike(kind):
    pixels, region = noise(SHAPE), Region(3, 5, 20, 30)
    source = {"slide": slide_of(pixels), "array": pixels, "function": Recorder(pixels)}[kind]
    np.testing.assert_array_equal(reader(source, SHAPE)(region), pixels[(slice(None), *region.slices)])
    np.testing.assert_array_equal(cached_reader(source, SHAPE)(region), pixels[(slice(None), *region.slices)])


def test_a_block_is_decoded_once_however_many_cells_lie_in_it(monkeypatch):
    monkeypatch.setattr(region_reader, "BLOCK_PX", 32)
    source = Recorder(noise(SHAPE))
    read = cached_reader(source, SHAPE)
    for x in range(0, 60, 3):
        read(Region(10, x, 5, 5))
    assert len(source.regions) == len(set(source.regions)) == 2
    assert all(region.y % 32 == region.x % 32 == 0 for region in source.regions)


def test_blocks_at_the_edge_end_with_the_image(monkeypatch):
    monkeypatch.setattr(region_reader, "BLOCK_PX", 64)
    source = Recorder(noise(SHAPE))
    assert cached_reader(source, SHAPE)(Region(69, 89, 1, 1)).shape == (2, 1, 1)
    assert source.regions == [Region(64, 64, 6, 26)]


def test_the_least_recently_used_block_goes_first(monkeypatch):
    monkeypatch.setattr(region_reader, "BLOCK_PX", 10)
    monkeypatch.setattr(region_reader, "CACHE_BYTES", 2 * 2 * 100 * 2)  # two blocks of two channels, uint16
    source = Recorder(noise(SHAPE))
    cache = BlockCache(source, SHAPE)
    first, second, third = (Region(0, 10 * i, 10, 10) for i in range(3))
    for region in (first, second, first, third, first):
        cache(region)
    assert source.regions == [first, second, third]
    cache(second)
    assert source.regions[-1] == second


def test_a_block_larger_than_the_cache_is_held_until_the_next(monkeypatch):
    monkeypatch.setattr(region_reader, "BLOCK_PX", 16)
    monkeypatch.setattr(region_reader, "CACHE_BYTES", 10)
    source = Recorder(noise(SHAPE))
    cache = BlockCache(source, SHAPE)
    for region in (Region(0, 0, 4, 4), Region(3, 3, 4, 4), Region(0, 20, 4, 4), Region(0, 0, 4, 4)):
        cache(region)
    assert source.regions == [Region(0, 0, 16, 16), Region(0, 16, 16, 16), Region(0, 0, 16, 16)]


def test_a_cache_is_not_cached_again():
    cache = BlockCache(Recorder(noise(SHAPE)), SHAPE)
    assert cached_reader(cache, SHAPE) is cache


@pytest.mark.parametrize("pixels", [noise((70, 91)), noise(SHAPE)[0], slide_of(noise((71, 90)))])
def test_pixels_of_another_size_are_refused(pixels):
    with pytest.raises(InputError, match="same height and width"):
        reader(pixels, SHAPE)
