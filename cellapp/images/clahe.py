"""CLAHE for slides: the curves belong to a grid over the whole slide, so that a region comes out as in the whole."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cached_property

import numpy as np

GRID = 8  # fields of the slide each way, the default of scikit-image
BINS = 256


@dataclass(frozen=True)
class ClaheCurves:
    """Contrast-limited adaptive histogram equalisation of one channel of a slide (Zuiderveld 1994).

    Each field of the slide has a curve, computed from an overview. A pixel is mapped by the curves of the nearest
    fields, interpolated by its distance from their centres: no other pixel matters, so that a region is equal to the
    last bit to the same pixels of the whole. Where the overview is the whole, values are those of
    ``skimage.exposure.equalize_adapthist`` within 0.06, and 0.01 on average, because that rounds fields to whole
    pixels.
    """

    shape: tuple[int, int]  # (Y, X) of the slide
    grid: tuple[int, int]  # fields each way
    curves: str  # base64 of (rows, columns, BINS) little-endian float32: comparable, and storable as JSON

    @classmethod
    def fit(cls, overview: np.ndarray, shape: tuple[int, int], clip_limit: float) -> ClaheCurves:
        """Compute the curves of a slide.

        Parameters
        ----------
        overview : ndarray of shape (y, x), float
            0 to 1: every n-th pixel of the slide, or all; not empty.
        shape : tuple of int
            (Y, X) of the slide.
        clip_limit : float
            Largest share of a field's pixels in one of the 256 bins; the excess is distributed over the others.
        """
        rows, columns = (min(GRID, length) for length in overview.shape)
        fields = [
            _curve(field, clip_limit)
            for band in np.array_split(_bins(overview), rows, axis=0)
            for field in np.array_split(band, columns, axis=1)
        ]
        curves = np.reshape(fields, (rows, columns, BINS)).astype("<f4")
        equalised = cls._with(overview.shape, curves).apply(
            overview
        )  # stretched to 0..1 at the end, as scikit-image does
        low, span = equalised.min(), np.ptp(equalised)
        return cls._with(shape, (curves - low) / span if span > 0 else curves)

    def apply(self, plane: np.ndarray, at: tuple[int, int] = (0, 0)) -> np.ndarray:
        """Equalise a region of the slide.

        Parameters
        ----------
        plane : ndarray of shape (Y, X), float
            0 to 1.
        at : tuple of int
            (y, x) of its upper left corner on the slide.

        Returns
        -------
        ndarray of shape (Y, X), float32
            About 0 to 1; intensities that do not occur in the overview may lie outside.
        """
        bins, curves = _bins(plane), self._curves
        above, below, down = self._between(0, at[0], plane.shape[0])
        left, right, along = self._between(1, at[1], plane.shape[1])

        def level(row: np.ndarray) -> np.ndarray:
            near, far = curves[row[:, None], left, bins], curves[row[:, None], right, bins]
            return near + along * (far - near)

        upper = level(above)
        return upper + down[:, None] * (level(below) - upper)

    @classmethod
    def _with(cls, shape: tuple[int, int], curves: np.ndarray) -> ClaheCurves:
        return cls(shape, curves.shape[:2], base64.b64encode(curves.astype("<f4").tobytes()).decode())

    @cached_property
    def _curves(self) -> np.ndarray:
        return np.frombuffer(base64.b64decode(self.curves), "<f4").reshape(*self.grid, BINS)

    def _between(self, axis: int, start: int, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return for each pixel of an axis the fields whose centres it lies between, and its position between them."""
        n = self.grid[axis]
        position = np.clip((np.arange(start, start + length) + 0.5) * n / self.shape[axis] - 0.5, 0, n - 1)
        before = np.floor(position).astype(np.intp)
        return before, np.minimum(before + 1, n - 1), (position - before).astype(np.float32)


def _bins(plane: np.ndarray) -> np.ndarray:
    return np.minimum(np.nan_to_num(plane) * BINS, BINS - 1).astype(np.uint8)


def _curve(field: np.ndarray, clip_limit: float) -> np.ndarray:
    """Return the level of each bin: the share of pixels in it and below, after the fullest bins are cut."""
    share = np.bincount(field.ravel(), minlength=BINS) / field.size
    limit = max(clip_limit, 1 / BINS)
    for _ in range(BINS):
        excess = np.maximum(share - limit, 0).sum()
        if excess < 1e-6:
            break
        room = share < limit
        share = np.minimum(share, limit) + np.where(room, excess / max(room.sum(), 1), 0)
    return np.cumsum(share)
