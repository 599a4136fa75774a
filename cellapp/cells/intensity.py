"""Intensities of all cells in one pass over bands of the image, so that the cost follows pixels and not cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from cellapp.cells.source import PixelSource
from cellapp.types import Region

BAND_PX = 2**21
"""Pixels of one channel held at a time."""


@dataclass
class Moments:
    """Running statistics of one quantity in each cell, (N,) float64.

    Bands are merged by the formula of Chan, Golub and LeVeque (1979): no loss of digits where the mean is large.
    """

    n: np.ndarray
    mean: np.ndarray
    squares: np.ndarray  # sum of squared deviations from the mean
    minimum: np.ndarray
    maximum: np.ndarray
    total: np.ndarray

    @classmethod
    def of(cls, n_cells: int) -> Moments:
        """Return the statistics of nothing yet, for `n_cells` cells."""
        zeros = [np.zeros(n_cells) for _ in range(4)]
        return cls(*zeros[:3], np.full(n_cells, np.inf), np.full(n_cells, -np.inf), zeros[3])

    def add(self, rows: np.ndarray, values: np.ndarray) -> None:
        """Take in pixels.

        Parameters
        ----------
        rows : ndarray of int, shape (pixels,)
            Which cell each pixel belongs to, 0 to N - 1.
        values : ndarray, shape (pixels,)
        """
        values = values.astype(np.float64)
        n = np.bincount(rows, minlength=len(self.n))
        total = np.bincount(rows, values, len(self.n))
        mean = total / np.maximum(n, 1)
        squares = np.bincount(rows, (values - mean[rows]) ** 2, len(self.n))
        merged = np.maximum(self.n + n, 1)
        shift = mean - self.mean
        self.squares += squares + np.where(n > 0, shift**2 * self.n * n / merged, 0.0)
        self.mean += np.where(n > 0, shift * n / merged, 0.0)
        self.n += n
        self.total += total
        np.minimum.at(self.minimum, rows, values)
        np.maximum.at(self.maximum, rows, values)

    @property
    def variance(self) -> np.ndarray:
        """Population variance, (N,) float64."""
        return self.squares / np.maximum(self.n, 1)


def intensities(
    read: PixelSource, labels: np.ndarray, cell_ids: np.ndarray, channels: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """Measure intensities per channel and the sharpness of every cell.

    Parameters
    ----------
    read : callable
        Raw pixels of a rectangle, (C, h, w).
    labels : ndarray of shape (Y, X), int
    cell_ids : ndarray of shape (N,)
        Sorted ids of all cells in `labels`.
    channels : tuple of str

    Returns
    -------
    dict of str to ndarray of shape (N,), float64
        ``intensity_{mean,std,min,max,sum}_<channel>`` and ``sharpness``: variance of the Laplacian (Pech-Pacheco 2000)
        of the channels' mean, over the squared mean intensity of the cell, so that a brighter exposure is not a sharper
        one. 0 where the cell is black.
    """
    per_channel = [Moments.of(len(cell_ids)) for _ in channels]
    brightness, laplacian = Moments.of(len(cell_ids)), Moments.of(len(cell_ids))
    for band, top in _bands(labels) if len(cell_ids) else ():
        inside = labels[band.slices] != 0
        rows = np.searchsorted(cell_ids, labels[band.slices][inside])
        # one more row above and below, because the Laplacian looks at neighbours
        pixels = read(Region(top, 0, min(band.y + band.height + 1, labels.shape[0]) - top, band.width))
        core = slice(band.y - top, band.y - top + band.height)
        for statistics, channel in zip(per_channel, pixels[:, core], strict=True):
            statistics.add(rows, channel[inside])
        gray = pixels.mean(axis=0, dtype=np.float64)
        brightness.add(rows, gray[core][inside])
        laplacian.add(rows, ndimage.laplace(gray, mode="nearest")[core][inside])
    found = {key: value for name, each in zip(channels, per_channel, strict=True) for key, value in _named(each, name)}
    power = brightness.mean**2
    return found | {"sharpness": np.divide(laplacian.variance, power, out=np.zeros_like(power), where=power > 0)}


def _bands(labels: np.ndarray) -> Iterator[tuple[Region, int]]:
    height = max(BAND_PX // max(labels.shape[1], 1), 16)
    for y in range(0, labels.shape[0], height):
        band = Region(y, 0, min(height, labels.shape[0] - y), labels.shape[1])
        if labels[band.slices].any():
            yield band, max(y - 1, 0)


def _named(statistics: Moments, channel: str) -> Iterator[tuple[str, np.ndarray]]:
    yield f"intensity_mean_{channel}", statistics.mean
    yield f"intensity_std_{channel}", np.sqrt(statistics.variance)
    yield f"intensity_min_{channel}", statistics.minimum
    yield f"intensity_max_{channel}", statistics.maximum
    yield f"intensity_sum_{channel}", statistics.total
