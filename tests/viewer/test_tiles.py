"""Tiles are drawn once, kept while there is room, and encoded as the address says."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cellapp.errors import InputError
from cellapp.viewer import tiles
from tests.pages.seeding import seed_image

GREY = "FFFFFF,0,255,1;-;-"


@pytest.fixture(autouse=True)
def empty():
    tiles._cached_tile.cache_clear()


@pytest.fixture
def image(tmp_path):
    return seed_image(tmp_path, side=64).image


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40)), max_size=60))
def test_tiles_kept_never_need_more_room_than_there_is(asked):
    tiles._cached_tile.cache_clear()
    room = tiles.CACHE_BYTES // 100
    for key, percent in asked:
        size = room * percent
        assert len(tiles._cached_tile((key, percent), lambda size=size: range(size))) == size
        assert tiles._cached_tile.cache.currsize <= tiles.CACHE_BYTES


def test_a_tile_larger_than_all_room_is_given_but_not_kept():
    assert len(tiles._cached_tile("large", lambda: range(tiles.CACHE_BYTES + 1))) == tiles.CACHE_BYTES + 1
    assert tiles._cached_tile.cache.currsize == 0


def test_threads_that_ask_at_once_share_what_one_draws():
    drawn, all_ask = [], threading.Barrier(6)

    def draw():
        drawn.append(threading.get_ident())
        return b"tile"

    def ask(_):
        all_ask.wait()
        return tiles._cached_tile("same", draw)

    with ThreadPoolExecutor(6) as threads:
        assert set(threads.map(ask, range(6))) == {b"tile"}
    assert len(drawn) == 1


def test_a_tile_that_cannot_be_drawn_is_tried_again():
    with pytest.raises(OSError, match="disk"):
        tiles._cached_tile("key", lambda: (_ for _ in ()).throw(OSError("disk")))
    assert tiles._cached_tile("key", lambda: b"tile") == b"tile"


def test_a_tile_is_drawn_once_for_each_look(image, monkeypatch):
    drawn = []
    monkeypatch.setattr(tiles, "encode", lambda pixels, ending: drawn.append(ending) or b"tile")
    for channels, ending in ((GREY, "png"), (GREY, "png"), ("-;FF0000,0,255,1;-", "png"), (GREY, "jpg")):
        tiles.image_tile(image, 0, 0, 0, channels=channels, ending=ending)
    assert drawn == ["png", "png", "jpg"]


@pytest.mark.parametrize(("ending", "depth"), [("jpg", 3), ("webp", 3), ("webp", 4), ("png", 3), ("png", 4)])
def test_an_encoded_tile_is_a_picture_of_its_size(ending, depth):
    pixels = np.full((5, 7, depth), 128, np.uint8)
    with Image.open(io.BytesIO(tiles.encode(pixels, ending))) as picture:
        assert picture.size == (7, 5)
        assert picture.format == tiles.FORMATS[ending][0]
        np.testing.assert_allclose(np.asarray(picture.convert("RGB")), 128, atol=2)


@pytest.mark.parametrize("ending", ["gif", "", "PNG"])
def test_other_formats_are_refused(image, ending):
    with pytest.raises(InputError, match="jpg, webp, png"):
        tiles.image_tile(image, 0, 0, 0, channels=GREY, ending=ending)
