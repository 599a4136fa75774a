"""A label image of any size that is written to in memory: only the tiles that an edit meets are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cellapp.exports.label_image import TILE_PX
from cellapp.types.image import Region

ReadLabels = Callable[[Region], np.ndarray]
"""Returns the (h, w) labels of a rectangle inside the image."""


@dataclass(frozen=True, eq=False)
class Change:
    """The pixels of a label image that an edit changes, with their ids before and after it; all arrays are (N,) int32.

    Each pixel comes once, so that a change can be taken back exactly.
    """

    y: np.ndarray
    x: np.ndarray
    before: np.ndarray
    after: np.ndarray

    def __len__(self) -> int:
        return len(self.y)

    @cached_property
    def cells(self) -> frozenset[int]:
        """Ids of the cells that lose or gain pixels."""
        return frozenset(np.unique(np.concatenate([self.before, self.after])).tolist()) - {0}

    @property
    def reverse(self) -> Change:
        """The change that takes this one back."""
        return Change(self.y, self.x, self.after, self.before)

    def part(self, rows: np.ndarray) -> Change:
        """Return some of its pixels, by their positions or a mask."""
        return Change(self.y[rows], self.x[rows], self.before[rows], self.after[rows])

    @property
    def box(self) -> Region:
        """The smallest rectangle that holds all of it."""
        y, x = int(self.y.min()), int(self.x.min())
        return Region(y, x, int(self.y.max()) + 1 - y, int(self.x.max()) + 1 - x)


class Canvas:
    """A label image in which changes are drawn before any of them is kept.

    Parameters
    ----------
    read : callable
        See `ReadLabels`; called for whole tiles of `TILE_PX`, once for each.
    shape : tuple of int
        (Y, X) of the image.
    """

    def __init__(self, read: ReadLabels, shape: tuple[int, int]) -> None:
        self._read, self.shape = read, shape
        self._tiles: dict[tuple[int, int], np.ndarray] = {}

    def read(self, region: Region) -> np.ndarray:
        """Return the labels of a rectangle inside the image as they are by now, (h, w) int32, a copy."""
        labels = np.zeros((region.height, region.width), np.int32)
        for tile, here, there in self._meeting(region):
            labels[here] = tile[there]
        return labels

    def draw(self, region: Region, labels: np.ndarray) -> Change:
        """Set the labels of a rectangle and return what that changes."""
        before = self.read(region)
        y, x = np.nonzero(before != labels)
        change = Change(
            (y + region.y).astype(np.int32),
            (x + region.x).astype(np.int32),
            before[y, x],
            labels[y, x].astype(np.int32),
        )
        for tile, here, there in self._meeting(region):
            tile[there] = labels[here]
        return change

    def holds(self, change: Change) -> bool:
        """Whether the pixels of a change are as they are before it."""
        return all(np.array_equal(tile[y, x], change.before[rows]) for tile, y, x, rows in self._pixels(change))

    def apply(self, change: Change) -> None:
        """Set the pixels of a change to what they are after it."""
        for tile, y, x, rows in self._pixels(change):
            tile[y, x] = change.after[rows]

    def _meeting(self, region: Region) -> Iterator[tuple[np.ndarray, tuple[slice, slice], tuple[slice, slice]]]:
        """Yield each tile that meets a rectangle, with where the common part is in the rectangle and in the tile."""
        y1, x1 = region.y + region.height, region.x + region.width
        for row in range(region.y // TILE_PX, -(-y1 // TILE_PX)):
            for column in range(region.x // TILE_PX, -(-x1 // TILE_PX)):
                top, left = row * TILE_PX, column * TILE_PX
                ys, xs = (max(region.y, top), min(y1, top + TILE_PX)), (max(region.x, left), min(x1, left + TILE_PX))
                here = slice(ys[0] - region.y, ys[1] - region.y), slice(xs[0] - region.x, xs[1] - region.x)
                yield (
                    self._tile(row, column),
                    here,
                    (slice(ys[0] - top, ys[1] - top), slice(xs[0] - left, xs[1] - left)),
                )

    def _pixels(self, change: Change) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        for (row, column), rows in by_tile(change):
            yield self._tile(row, column), change.y[rows] - row * TILE_PX, change.x[rows] - column * TILE_PX, rows

    def _tile(self, row: int, column: int) -> np.ndarray:
        if (row, column) not in self._tiles:
            y, x = row * TILE_PX, column * TILE_PX
            region = Region(y, x, min(TILE_PX, self.shape[0] - y), min(TILE_PX, self.shape[1] - x))
            self._tiles[row, column] = np.array(self._read(region), np.int32)
        return self._tiles[row, column]


def by_tile(change: Change) -> Iterator[tuple[tuple[int, int], np.ndarray]]:
    """Yield row and column of each tile of `TILE_PX` that a change meets, with the positions of its pixels there."""
    if not len(change):
        return
    rows, columns = change.y // TILE_PX, change.x // TILE_PX
    order = np.lexsort((columns, rows))
    new = np.flatnonzero(np.diff(rows[order], prepend=-1) | np.diff(columns[order], prepend=-1))
    for some in np.split(order, new[1:]):
        yield (int(rows[some[0]]), int(columns[some[0]])), some


def join_changes(changes: list[Change]) -> Change:
    """Return one change that does several, one after the other; pixels that end as they were are left out."""
    first: dict[str, np.ndarray] = {
        name: np.concatenate([getattr(one, name) for one in changes] or [np.zeros(0, np.int32)])
        for name in ("y", "x", "before", "after")
    }
    place = first["y"].astype(np.int64) << 32 | first["x"]
    _, begins = np.unique(place, return_index=True)
    _, ends = np.unique(place[::-1], return_index=True)
    before, after = first["before"][begins], first["after"][len(place) - 1 - ends]
    kept = before != after
    return Change(first["y"][begins][kept], first["x"][begins][kept], before[kept], after[kept])
