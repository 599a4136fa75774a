"""Intensities and sharpness of all cells, read by their bounding boxes, many cells at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cellapp.cells.packed_crops import batches, pack
from cellapp.cells.region_reader import PixelSource

BATCH_PX = 2**18
"""Pixels of one channel held at a time."""


@dataclass
class Moments:
    """Running statistics of one quantity in each cell, (N,) float64.

    Parts of a cell are merged by the formula of Chan, Golub and LeVeque (1979): no digits are lost where the mean is
    large.
    """

    n: np.ndarray
    mean: np.ndarray
    squares: np.ndarray  # sum of squared deviations from the mean
    minimum: np.ndarray
    maximum: np.ndarray
    total: np.ndarray

    @classmethod
    def empty(cls, n_cells: int) -> Moments:
        """Return the statistics of `n_cells` cells before any pixel is added."""
        zeros = [np.zeros(n_cells) for _ in range(4)]
        return cls(*zeros[:3], np.full(n_cells, np.inf), np.full(n_cells, -np.inf), zeros[3])

    def add(self, rows: np.ndarray, values: np.ndarray, firsts: np.ndarray) -> None:
        """Add pixels, ordered by cell.

        Parameters
        ----------
        rows : ndarray of int, shape (M,)
            Which cells, 0 to N - 1, each once.
        values : ndarray, shape (pixels,)
        firsts : ndarray of int, shape (M,)
            Where each cell's pixels begin in `values`.
        """
        values = values.astype(np.float64)
        n = np.diff(firsts, append=len(values))
        total = np.add.reduceat(values, firsts)
        mean = total / n
        squares = np.add.reduceat((values - np.repeat(mean, n)) ** 2, firsts)
        before, merged = self.n[rows], self.n[rows] + n
        shift = mean - self.mean[rows]
        self.squares[rows] += squares + shift**2 * before * n / merged
        self.mean[rows] += shift * n / merged
        self.n[rows] = merged
        self.total[rows] += total
        self.minimum[rows] = np.minimum(self.minimum[rows], np.minimum.reduceat(values, firsts))
        self.maximum[rows] = np.maximum(self.maximum[rows], np.maximum.reduceat(values, firsts))

    @property
    def variance(self) -> np.ndarray:
        """Population variance, (N,) float64."""
        return self.squares / np.maximum(self.n, 1)


def intensities(
    read: PixelSource, labels: np.ndarray, cell_ids: np.ndarray, boxes: np.ndarray, *, channels: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """Measure intensities per channel and the sharpness of every cell.

    Parameters
    ----------
    read : callable
        Raw pixels of a rectangle, (C, h, w).
    labels : ndarray of shape (Y, X), int
    cell_ids, boxes : ndarray
        See `cellapp.cells.packed_crops.find_boxes`.
    channels : tuple of str

    Returns
    -------
    dict of str to ndarray of shape (N,), float64
        ``intensity_{mean,std,min,max,sum}_<channel>`` and ``sharpness``: variance of the Laplacian (Pech-Pacheco 2000)
        of the channels' mean, over the squared mean intensity of the cell, so that a brighter exposure is not a sharper
        one. 0 where the cell is black.
    """
    per_channel = [Moments.empty(len(cell_ids)) for _ in channels]
    brightness, laplacian = Moments.empty(len(cell_ids)), Moments.empty(len(cell_ids))
    rows, strips = _strips(boxes)
    for some in batches(strips, BATCH_PX):
        packed = pack(labels, cell_ids[rows[some]], strips[some])
        cells, firsts = _segments(rows[some], packed.counts)
        if not len(cells):
            continue
        pixels = packed.pixels(read, labels.shape)
        for statistics, channel in zip(per_channel, pixels, strict=True):
            statistics.add(cells, channel[packed.at], firsts)
        gray, at, width = pixels.mean(axis=0, dtype=np.float64), packed.at, packed.each(packed.widths)
        brightness.add(cells, gray[at], firsts)
        around = gray[at - 1] + gray[at + 1] + gray[at - width] + gray[at + width]
        laplacian.add(cells, around - 4 * gray[at], firsts)
    columns = {
        key: value for name, each in zip(channels, per_channel, strict=True) for key, value in _columns(each, name)
    }
    power = brightness.mean**2
    return columns | {"sharpness": np.divide(laplacian.variance, power, out=np.zeros_like(power), where=power > 0)}


def _strips(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Divide boxes into strips of about `BATCH_PX` pixels at most, (S, 4); also return the row of `boxes` of each."""
    heights, widths = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    high = np.maximum(BATCH_PX // np.maximum(widths, 1), 1)
    n = -(-heights // high)
    rows = np.repeat(np.arange(len(boxes)), n)
    strips = boxes[rows]
    strips[:, 0] += (np.arange(len(rows)) - np.repeat(np.cumsum(n) - n, n)) * high[rows]
    strips[:, 2] = np.minimum(strips[:, 0] + high[rows], strips[:, 2])
    return rows, strips


def _segments(rows: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells with pixels in these strips, and where the pixels of each begin; strips are ordered by cell."""
    firsts = np.cumsum(counts) - counts
    rows, firsts = rows[counts > 0], firsts[counts > 0]
    new = np.diff(rows, prepend=-1) != 0
    return rows[new], firsts[new]


def _columns(statistics: Moments, channel: str) -> Iterator[tuple[str, np.ndarray]]:
    yield f"intensity_mean_{channel}", statistics.mean
    yield f"intensity_std_{channel}", np.sqrt(statistics.variance)
    yield f"intensity_min_{channel}", statistics.minimum
    yield f"intensity_max_{channel}", statistics.maximum
    yield f"intensity_sum_{channel}", statistics.total
