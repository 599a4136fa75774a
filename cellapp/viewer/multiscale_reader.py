"""Pixels of an image at any level, whatever levels its file has; never more than a few tiles are decoded for one."""

from __future__ import annotations

import threading
from functools import cached_property

import numpy as np

from cellapp.images.pyramid import FLAT_PX, halve
from cellapp.images.sampling import read_at_most
from cellapp.types.image import Region, Slide
from cellapp.viewer.grid import size_at

_MAX_STEP = 8
"""Steps larger than this over the pixels of the nearest level are taken from an overview of the whole image."""

_INTEGER = 0.02


class MultiscaleReader:
    """A slide to look at.

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
            Native dtype; h and w as `cellapp.viewer.grid.size_at` says.
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
        for at, (rows, columns) in enumerate(self.slide.info.levels):
            ratio = max(height / rows, width / columns)
            factor = round(ratio)
            whole = abs(ratio - factor) <= _INTEGER * factor and 2**level % factor == 0
            if whole and best[1] < factor:
                best = (at, factor)
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
