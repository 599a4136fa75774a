"""Read rectangles of a slide, of an array or through a function, with a cache for many small ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from cachetools import LRUCache

from cellapp.errors import InputError
from cellapp.types.image import Region, Slide

PixelSource = Callable[[Region], np.ndarray]
"""Returns the (C, h, w) pixels of a rectangle that lies inside the image, native dtype."""

BLOCK_PX = 512
CACHE_BYTES = 128 * 2**20


def reader(pixels: PixelSource | Slide | np.ndarray, shape: tuple[int, int]) -> PixelSource:
    """Return a function that reads rectangles of `pixels`.

    Parameters
    ----------
    pixels : callable, Slide or ndarray of shape (C, Y, X)
        A callable is returned as it is.
    shape : tuple of int
        (Y, X) of the label image the pixels are read for.

    Raises
    ------
    InputError
        If a slide or an array has another size than the label image.
    """
    if not isinstance(pixels, Slide | np.ndarray):
        return pixels
    full = pixels.info.shape if isinstance(pixels, Slide) else pixels.shape
    if len(full) != 3 or tuple(full[1:]) != tuple(shape):
        raise InputError(
            f"label image and image must have the same height and width; got {tuple(shape)} and pixels of shape "
            f"{tuple(full)} (C, Y, X); segment this image or give the image the labels belong to"
        )
    if isinstance(pixels, Slide):
        return pixels.region
    return lambda region: pixels[(slice(None), *region.slices)]


def cached_reader(pixels: PixelSource | Slide | np.ndarray, shape: tuple[int, int]) -> PixelSource:
    """Return `reader` behind a `BlockCache`, for many small rectangles; an array or a cache needs none.

    Parameters
    ----------
    pixels, shape
        See `reader`.
    """
    read = reader(pixels, shape)
    return read if isinstance(pixels, np.ndarray | BlockCache) else BlockCache(read, shape)


class BlockCache:
    """Read small rectangles through square blocks, of which the most recently used are kept.

    Without it the cells of a compressed slide would decode the same tile once per cell.

    Parameters
    ----------
    read : callable
        Reads a rectangle inside the image.
    shape : tuple of int
        (Y, X) of the image.
    """

    def __init__(self, read: PixelSource, shape: tuple[int, int]) -> None:
        self._read, self._shape = read, shape
        # A block larger than the cache is kept alone: its neighbours in the next cell's box would decode it again.
        self._blocks: LRUCache = LRUCache(CACHE_BYTES, getsizeof=lambda block: min(block.nbytes, CACHE_BYTES))

    def __call__(self, region: Region) -> np.ndarray:
        """Return the (C, h, w) pixels of a rectangle inside the image."""
        rows = range(region.y // BLOCK_PX, (region.y + region.height - 1) // BLOCK_PX + 1)
        columns = range(region.x // BLOCK_PX, (region.x + region.width - 1) // BLOCK_PX + 1)
        return np.concatenate(
            [np.concatenate([self._part(row, column, region) for column in columns], axis=2) for row in rows], axis=1
        )

    def _part(self, row: int, column: int, region: Region) -> np.ndarray:
        """Return the pixels of a rectangle that are in one block."""
        y, x = region.y - row * BLOCK_PX, region.x - column * BLOCK_PX
        return self._block(row, column)[:, max(y, 0) : y + region.height, max(x, 0) : x + region.width]

    def _block(self, row: int, column: int) -> np.ndarray:
        block = self._blocks.get((row, column))
        if block is None:
            y, x = row * BLOCK_PX, column * BLOCK_PX
            height, width = min(BLOCK_PX, self._shape[0] - y), min(BLOCK_PX, self._shape[1] - x)
            block = self._blocks[row, column] = self._read(Region(y, x, height, width))
        return block
