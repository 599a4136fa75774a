"""How many pixels the convex hull of each cell covers, for all cells at once and in whole numbers."""

from __future__ import annotations

import numpy as np


def hull_areas(cells: np.ndarray, rows: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Count the pixels whose centres lie in the convex hull of each cell.

    The hull is that of the middles of all pixels' sides and its edge belongs to it, as in
    `skimage.morphology.convex_hull_image`; whole numbers (twice the coordinates) leave nothing to rounding.

    Parameters
    ----------
    cells : ndarray of shape (L,), int
        Which cell a row of pixels belongs to: 0 to N - 1, ascending, each at least once.
    rows : ndarray of shape (L,), int
        Row of the pixels, ascending within a cell; gaps are allowed.
    first, last : ndarray of shape (L,), int
        Columns of the outermost pixels in that row.

    Returns
    -------
    ndarray of shape (N,), int64
    """
    begins = np.flatnonzero(np.diff(cells, prepend=-1))
    ends = np.append(begins[1:], len(cells)) - 1
    heights = rows[ends] - rows[begins] + 1
    owner = np.repeat(np.arange(len(begins)), heights)
    offset = np.arange(len(owner)) - np.repeat(np.cumsum(heights) - heights, heights)
    every_row = rows[begins][owner] + offset
    left = _bounds(cells, rows, first, owner, every_row)
    right = -_bounds(cells, rows, -last, owner, every_row)
    return np.add.reduceat(right - left + 1, np.cumsum(heights) - heights)


def _bounds(cells: np.ndarray, rows: np.ndarray, columns: np.ndarray, owner: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the smallest column inside the hull for each row asked for, (len(at),)."""
    cell, y, x = _lower_chain(*_side_middles(cells, rows, columns))
    span = int(y.max() - min(y.min(), 0)) + 2 if len(y) else 1
    after = np.searchsorted(cell * span + y, owner * span + 2 * at, side="right")
    y0, y1, x0, x1 = y[after - 1], y[after], x[after - 1], x[after]
    above = x0 * (y1 - y0) + (x1 - x0) * (2 * at - y0)
    return -(-above // (2 * (y1 - y0)))  # rounds up


def _side_middles(cells: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, ...]:
    """Twice the coordinates of the middles of the upper, outer and lower sides; the outermost of each height."""
    cell = np.repeat(cells, 3)
    y = (2 * rows[:, None] + np.array([-1, 0, 1])).ravel()
    x = (2 * columns[:, None] + np.array([0, -1, 0])).ravel()
    again = np.flatnonzero((cell[1:] == cell[:-1]) & (y[1:] == y[:-1]))  # lower side of a row, upper of the next
    x[again] = np.minimum(x[again], x[again + 1])
    keep = np.ones(len(cell), bool)
    keep[again + 1] = False
    return cell[keep], y[keep], x[keep]


def _lower_chain(cell: np.ndarray, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, ...]:
    """Drop what is not a corner of the hull: points not strictly below the line between those beside them.

    All such points of all cells are dropped at once, until none is left. A point above the line of two points of the
    set is no corner whatever else is dropped, and a chain whose every corner bends the right way is convex.
    """
    while True:
        below = (x[1:-1] - x[:-2]) * (y[2:] - y[:-2]) < (x[2:] - x[:-2]) * (y[1:-1] - y[:-2])
        end = (cell[1:-1] != cell[:-2]) | (cell[1:-1] != cell[2:])
        keep = np.concatenate([[True], below | end, [True]])
        if keep.all():
            return cell, y, x
        cell, y, x = cell[keep], y[keep], x[keep]
