"""Which pixels drawn areas hold, as runs of pixels along rows: whole slides need no mask of their size.

A pixel lies in a polygon when a line from its centre to the left crosses the polygon's rings an odd number of times;
a centre on an edge belongs to the area on its right or below, so that areas that share an edge share no pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cellapp.errors import InputError
from cellapp.types.drawn_regions import DrawnRegions, Polygon
from cellapp.types.image import Region

MOST_CROSSINGS = 20_000_000
"""Of edges and rows of pixels, in one polygon: bounds the memory."""


@dataclass(frozen=True, eq=False)
class Coverage:
    """Pixels of an image that count, as runs along rows; pixel (y, x) has the number y (X + 1) + x."""

    shape: tuple[int, int]  # (Y, X) of the image
    starts: np.ndarray  # (M,) int64, ascending: first pixel of each run
    stops: np.ndarray  # (M,) int64: the pixel after its last, in the same row

    @property
    def area_px(self) -> int:
        """How many pixels count."""
        return int((self.stops - self.starts).sum())

    def contains(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return which pixels count, (N,) bool.

        Parameters
        ----------
        y, x : ndarray of shape (N,), integer
            Rows and columns inside the image.
        """
        if not len(self.starts):
            return np.zeros(len(y), bool)
        number = np.asarray(y, np.int64) * (self.shape[1] + 1) + x
        at = np.searchsorted(self.starts, number, side="right") - 1
        return (at >= 0) & (number < self.stops[at])

    def mask(self, window: Region) -> np.ndarray:
        """Return which pixels of a rectangle count, (h, w) bool."""
        row, start, stop = self._runs_in(window)
        steps = np.zeros((window.height, window.width + 1), np.int8)
        np.add.at(steps, (row, start), 1)
        np.add.at(steps, (row, stop), -1)
        return np.cumsum(steps[:, :-1], axis=1, dtype=np.int8) > 0

    def touches(self, window: Region) -> bool:
        """Return whether a pixel of a rectangle counts."""
        return bool(len(self._runs_in(window)[0]))

    def _runs_in(self, window: Region) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return row, first and last column plus one of the runs in a rectangle, in its own pixels."""
        step = self.shape[1] + 1
        first, last = np.searchsorted(self.starts, [window.y * step, (window.y + window.height) * step])
        row, start = np.divmod(self.starts[first:last], step)
        stop = self.stops[first:last] - row * step
        start, stop = (np.clip(column - window.x, 0, window.width) for column in (start, stop))
        there = stop > start
        return (row - window.y)[there], start[there], stop[there]


def coverage(regions: DrawnRegions, shape: tuple[int, int]) -> Coverage:
    """Find the pixels that count.

    Parameters
    ----------
    regions : DrawnRegions
        What reaches beyond the image is cut off.
    shape : tuple of int
        (Y, X) of the image.

    Raises
    ------
    InputError
        When a polygon has more corners than can be handled.
    """
    kept = [polygon for region in regions.kept for polygon in region.polygons]
    wanted = [_runs(polygon, shape) for polygon in kept] if regions.kept else [_all_rows(shape)]
    unwanted = [_runs(polygon, shape) for region in regions.left_out for polygon in region.polygons]
    return Coverage(shape, *_joined(wanted, unwanted))


def pixels_of(polygon: Polygon, shape: tuple[int, int]) -> int:
    """Return how many pixels of a (Y, X) image have their centre in a polygon."""
    starts, stops = _runs(polygon, shape)
    return int((stops - starts).sum())


Runs = tuple[np.ndarray, np.ndarray]


def _all_rows(shape: tuple[int, int]) -> Runs:
    starts = np.arange(shape[0], dtype=np.int64) * (shape[1] + 1)
    return starts, starts + shape[1]


def _runs(polygon: Polygon, shape: tuple[int, int]) -> Runs:
    """Return the pixels of one polygon as runs: its rings cross each row an even number of times."""
    ends = np.concatenate([np.hstack([ring[:-1], ring[1:]]) for ring in map(np.asarray, polygon)])
    falls = ends[:, 1] > ends[:, 3]
    ends[falls] = ends[falls][:, [2, 3, 0, 1]]
    first, last = (np.clip(np.ceil(ends[:, n] - 0.5), 0, shape[0]).astype(np.int64) for n in (1, 3))
    n_rows = last - first
    if n_rows.sum() > MOST_CROSSINGS:
        raise InputError(f"a region with {len(ends):,} corners is too intricate; simplify it, or draw several")
    edge = np.repeat(np.arange(len(ends)), n_rows)
    row = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(n_rows) - n_rows, n_rows)
    x0, y0, x1, y1 = ends[edge].T
    crossing = x0 + (row + 0.5 - y0) * (x1 - x0) / (y1 - y0)
    column = np.clip(np.ceil(crossing - 0.5), 0, shape[1]).astype(np.int64)
    number = np.sort(row * (shape[1] + 1) + column)
    return number[0::2], number[1::2]


def _joined(wanted: Sequence[Runs], unwanted: Sequence[Runs]) -> Runs:
    """Return the runs that lie in a wanted one and in no unwanted one."""
    parts = [(ends, sign, kind) for kind, some in ((0, wanted), (1, unwanted)) for runs in some
             for ends, sign in zip(runs, (1, -1), strict=True)]  # fmt: skip
    number = np.concatenate([ends for ends, _, _ in parts])
    change = np.zeros((len(number), 2), np.int64)
    at = 0
    for ends, sign, kind in parts:
        change[at : at + len(ends), kind] = sign
        at += len(ends)
    order = np.argsort(number, kind="stable")
    number, depth = number[order], np.cumsum(change[order], axis=0)
    last = np.append(number[1:] != number[:-1], True)[: len(number)]  # the state after all changes at a pixel
    number, counts = number[last], (depth[last, 0] > 0) & (depth[last, 1] == 0)
    turns = np.flatnonzero(counts != np.concatenate([[False], counts[:-1]])) if len(counts) else np.zeros(0, np.int64)
    return number[turns[0::2]], number[turns[1::2]]
