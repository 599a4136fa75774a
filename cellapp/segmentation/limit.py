"""Cells of drawn areas only: a cell belongs to a run when its centre does, and all of its pixels stay.

The centre of a cell is its pixel nearest to the mean of its pixels, of several the first in reading order: it lies in
the cell even where that mean does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cellapp.regions.coverage import Coverage
from cellapp.segmentation.tiling.grid import Tile, grown
from cellapp.segmentation.tiling.paint import bands
from cellapp.types.image import Region

NONE_INSIDE = "no cell has its centre in the regions that were kept"


def cell_centres(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the centre of each cell, a band of the label image at a time.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), integer
        In memory or mapped from a file.

    Returns
    -------
    ids, y, x : ndarray of shape (N,), int64
        In the order of ids.
    """
    ids, mean_y, mean_x = _means(labels)
    y, x = (np.ceil(mean - 0.5).astype(np.int64) for mean in (mean_y, mean_x))
    aside = labels[y, x] != ids
    if aside.any():
        y[aside], x[aside] = _nearest(labels, ids[aside], mean_y[aside], mean_x[aside])
    return ids, y, x


def keep_cells(labels: np.ndarray, covered: Coverage, *, corner: tuple[int, int] = (0, 0), number: bool) -> int:
    """Remove cells whose centre lies in no area that counts, in place.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), int32
    covered : Coverage
        Of the image.
    corner : tuple of int
        (y, x) of the first pixel of `labels` in the image.
    number : bool
        Give the others the numbers 1..n in the order of their ids.

    Returns
    -------
    int
        How many cells are left.
    """
    ids, y, x = cell_centres(labels)
    kept = ids[covered.contains(y + corner[0], x + corner[1])]
    new = np.zeros((int(ids[-1]) if len(ids) else 0) + 1, np.int32)
    new[kept] = np.arange(1, len(kept) + 1) if number else kept
    for band in bands(labels.shape):
        labels[band.slices] = new[labels[band.slices]]
    return len(kept)


def tiles_near(tiles: Sequence[Tile], covered: Coverage | None, halo: int) -> tuple[Tile, ...]:
    """Return the tiles that may see part of a cell whose centre counts, numbered anew.

    Parameters
    ----------
    tiles : sequence of Tile
        Of the whole image.
    covered : Coverage or None
        None keeps all tiles.
    halo : int
        px by which their windows reach beyond their cores; cells up to that length are decided on as in the whole.
    """
    if covered is None:
        return tuple(tiles)
    near = [tile for tile in tiles if covered.touches(grown(tile.window, halo, covered.shape))]
    return tuple(replace(tile, number=number) for number, tile in enumerate(near))


def covered_share(labels: np.ndarray, covered: Coverage) -> float:
    """Return the share of the area that counts which cells cover, 0 to 1: the confluency of drawn areas."""
    n_px = sum(np.count_nonzero(covered.mask(band) & (labels[band.slices] != 0)) for band in bands(labels.shape))
    return n_px / covered.area_px if covered.area_px else 0.0


def box_of_cells(labels: np.ndarray) -> Region | None:
    """Return the smallest rectangle with all cells of a label image, (Y, X); None where there are none."""
    rows, columns = np.zeros(labels.shape[0], bool), np.zeros(labels.shape[1], bool)
    for band in bands(labels.shape):
        there = labels[band.slices] != 0
        rows[band.slices[0]] = there.any(axis=1)
        columns |= there.any(axis=0)
    if not rows.any():
        return None
    (y0, y1), (x0, x1) = (np.flatnonzero(line)[[0, -1]].tolist() for line in (rows, columns))
    return Region(y0, x0, y1 - y0 + 1, x1 - x0 + 1)


def _means(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ids and the mean row and column of their pixels; sums of whole numbers, the same for any bands."""
    n = max((int(labels[band.slices].max(initial=0)) for band in bands(labels.shape)), default=0) + 1
    area, rows, columns = (np.zeros(n) for _ in range(3))
    for band in bands(labels.shape):
        part = labels[band.slices]
        y, x = np.nonzero(part)
        at = part[y, x]
        area += np.bincount(at, minlength=n)
        rows += np.bincount(at, y + band.y, n)
        columns += np.bincount(at, x, n)
    ids = np.flatnonzero(area)
    return ids, rows[ids] / area[ids], columns[ids] / area[ids]


def _nearest(
    labels: np.ndarray, ids: np.ndarray, mean_y: np.ndarray, mean_x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixel of each cell nearest to a place beside it, the first of several in reading order."""
    row_of = np.full(max(int(ids[-1]) + 1, 1), -1)
    row_of[ids] = np.arange(len(ids))
    best, y, x = np.full(len(ids), np.inf), np.zeros(len(ids), np.int64), np.zeros(len(ids), np.int64)
    for band in bands(labels.shape):
        part = labels[band.slices]
        rows, columns = np.nonzero(np.isin(part, ids))
        cell, rows = row_of[part[rows, columns]], rows + band.y
        away = (rows - mean_y[cell]) ** 2 + (columns - mean_x[cell]) ** 2
        order = np.lexsort((away, cell))
        _, first = np.unique(cell[order], return_index=True)
        chosen = order[first]
        better = chosen[away[chosen] < best[cell[chosen]]]
        best[cell[better]], y[cell[better]], x[cell[better]] = away[better], rows[better], columns[better]
    return y, x
