"""Pixels of an image at any level of the viewer, whatever levels its file has.

Level 0 is full resolution, each further level half of it, down to a single tile. No tile decodes more than a few tiles'
worth of pixels.
"""

from __future__ import annotations

import threading
from functools import cached_property

import numpy as np

from cellapp.errors import InputError
from cellapp.images.pyramid import FLAT_PX, halve
from cellapp.images.sampling import read_at_most
from cellapp.types.image import Region, Slide

TILE_PX = 512
"""Side of a tile in pixels of its level: few requests for a screen, a few dozen milliseconds to draw."""

_MAX_STEP = 8
"""Steps larger than this over the pixels of the nearest level are taken from an overview of the whole image."""

_INTEGER = 0.02
"""Relative error up to which the ratio of two levels counts as a whole number: their sizes are rounded."""


def n_levels(shape: tuple[int, int]) -> int:
    """Return how many levels an image of (Y, X) pixels has: the last one is a single tile."""
    levels, longest = 1, max(shape)
    while longest > TILE_PX:
        levels, longest = levels + 1, (longest + 1) // 2
    return levels


def tile_region(shape: tuple[int, int], level: int, row: int, column: int) -> Region:
    """Return what a tile shows, in full-resolution pixels, cut at the image's edge.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) of the image at full resolution.
    level, row, column : int
        Of the tile; all count from 0.

    Raises
    ------
    InputError
        The image has no such tile.
    """
    side = TILE_PX * 2**level if 0 <= level < n_levels(shape) else 0
    region = Region(row * side, column * side, side, side)
    if not side or row < 0 or column < 0 or region.y >= shape[0] or region.x >= shape[1]:
        raise InputError(
            f"an image of {shape[0]:,} x {shape[1]:,} px has no tile {column}_{row} at level {level}; "
            f"levels run from 0 to {n_levels(shape) - 1}, tiles have {TILE_PX} px"
        )
    return Region(region.y, region.x, min(side, shape[0] - region.y), min(side, shape[1] - region.x))


def size_at(region: Region, level: int) -> tuple[int, int]:
    """Return height and width of a region at a level, in that level's pixels."""
    return -(-region.height // 2**level), -(-region.width // 2**level)


class MultiscaleReader:
    """Reads rectangles of a slide at the viewer's levels.

    Parameters
    ----------
    slide : Slide
        With its pyramid where it has one (`cellapp.store.open_image.open_view`). Without one, coarse tiles come from an
        overview of at most `FLAT_PX` pixels a side, read once in strides.
    """

    def __init__(self, slide: Slide) -> None:
        self.slide = slide
        self._lock = threading.Lock()

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X) at full resolution."""
        return self.slide.info.shape[1:]

    def read(self, region: Region, level: int) -> np.ndarray:
        """Return the pixels of a region at a level.

        Parameters
        ----------
        region : Region
            Inside the image, in full-resolution pixels; begins at a multiple of ``2 ** level``.
        level : int
            The result has one pixel for ``2 ** level`` a side.

        Returns
        -------
        ndarray of shape (C, h, w)
            Native dtype; h and w as `size_at` says.
        """
        stored, factor = self._nearest(level)
        step = 2**level // factor
        if step > _MAX_STEP:
            return self._from_overview(region, level)
        rows, columns = (
            _span(start, length, factor, size)
            for (start, length), size in zip(_sides(region), self.slide.info.levels[stored], strict=True)
        )
        box = Region(rows[0], columns[0], rows[1] - rows[0], columns[1] - columns[0])
        pixels = self.slide.region(box, level=stored)
        if step == 2:
            pixels = halve(pixels)
        at_rows, at_columns = (
            np.minimum(np.arange(n) * (1 if step == 2 else step), size - 1)
            for n, size in zip(size_at(region, level), pixels.shape[1:], strict=True)
        )
        return pixels[:, at_rows[:, None], at_columns]

    def _nearest(self, level: int) -> tuple[int, int]:
        """Return the smallest stored level that is not smaller than wanted, and how much smaller than full it is."""
        height, width = self.shape
        best = (0, 1)
        for number, (rows, columns) in enumerate(self.slide.info.levels):
            ratio = max(height / rows, width / columns)
            factor = round(ratio)
            whole = abs(ratio - factor) <= _INTEGER * factor and 2**level % factor == 0
            if whole and best[1] < factor:
                best = (number, factor)
        return best

    def _from_overview(self, region: Region, level: int) -> np.ndarray:
        with self._lock:
            pixels, scale = self._overview
        index = [
            np.minimum(((start + (np.arange(n) + 0.5) * 2**level) * scale).astype(int), size - 1)
            for (start, _), n, size in zip(_sides(region), size_at(region, level), pixels.shape[1:], strict=True)
        ]
        return pixels[:, index[0][:, None], index[1]]

    @cached_property
    def _overview(self) -> tuple[np.ndarray, float]:
        return read_at_most(self.slide, FLAT_PX)


def _sides(region: Region) -> tuple[tuple[int, int], tuple[int, int]]:
    return (region.y, region.height), (region.x, region.width)


def _span(start: int, length: int, factor: int, size: int) -> tuple[int, int]:
    """Return the ends of a side in pixels of a stored level of `size`, which may have lost an odd last pixel."""
    return min(start // factor, size - 1), min(-(-(start + length) // factor), size)
