"""Trace cells as polygons along the edges of their pixels, and fill polygons: one undoes the other exactly."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.draw import polygon

Ring = np.ndarray
"""Corners (n, 2) as x, y in pixels, the first repeated at the end; pixel (y, x) covers x..x+1, y..y+1."""


def polygons_of(inside: np.ndarray) -> list[list[Ring]]:
    """Trace a cell.

    Parameters
    ----------
    inside : ndarray of shape (h, w), bool

    Returns
    -------
    list of polygons
        One per 4-connected part, each its outer ring (counter-clockwise as RFC 7946 has it, in x and y as they are)
        and then its holes (clockwise). Every ring is simple: where two pixels touch by a corner only, rings meet there
        in a point but never cross or touch themselves.
    """
    parts, n_parts = ndimage.label(inside)
    polygons = []
    for number, box in enumerate(ndimage.find_objects(parts, n_parts), start=1):
        corner = np.array([box[1].start, box[0].start])
        rings = [ring + corner for ring in _trace(parts[box] == number)]
        rings.sort(key=lambda ring: -abs(_signed_area(ring)))
        polygons.append([_oriented(ring, outer=i == 0) for i, ring in enumerate(rings)])
    return polygons


def fill(rings: list[Ring], shape: tuple[int, int]) -> np.ndarray:
    """Return the pixels whose centre lies inside an odd number of rings, (Y, X) bool; rings may reach beyond."""
    filled = np.zeros(shape, bool)
    for ring in rings:
        rows, columns = polygon(ring[:, 1] - 0.5, ring[:, 0] - 0.5, shape)
        filled[rows, columns] ^= True
    return filled


def paint(labels: np.ndarray, rings: list[Ring], cell_id: int) -> None:
    """Fill rings inside their bounding box, in place: one array of the slide's size per cell would take hours.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), integer
        Rings are cut off at its edge.
    rings : list of Ring
        The outline and the holes of one cell; see `fill`.
    cell_id : int
    """
    if not rings:
        return
    corners = np.concatenate(rings)
    x0, y0 = np.clip(np.floor(corners.min(axis=0)), 0, labels.shape[::-1]).astype(int)
    x1, y1 = np.clip(np.ceil(corners.max(axis=0)), 0, labels.shape[::-1]).astype(int)
    if x1 > x0 and y1 > y0:
        labels[y0:y1, x0:x1][fill([ring - (x0, y0) for ring in rings], (y1 - y0, x1 - x0))] = cell_id


def _trace(part: np.ndarray) -> list[Ring]:
    """Follow the borders of one 4-connected part from corner to corner."""
    y, x, along_row, along_column = _corners(part)
    # On each line of the pixel grid corners pair up, 1st with 2nd, 3rd with 4th: those are the sides of the rings.
    by_row = _partners(np.lexsort((along_row, x, y)))
    by_column = _partners(np.lexsort((along_column, y, x)))
    left, rings = set(range(len(y))), []
    while left:
        start = corner = min(left)
        path = []
        while not path or corner != start:
            path += [corner, by_row[corner]]
            corner = by_column[by_row[corner]]
        left.difference_update(path)
        rings.append(np.stack([x[[*path, start]], y[[*path, start]]], axis=1))
    return rings


def _corners(part: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return y, x of every corner and its rank among corners of the same point, along the row and along the column.

    A point between two diagonal pixels is two corners. The part is in one piece, so the rings that meet there enclose
    different stretches of background: each corner turns round one background pixel.
    """
    padded = np.pad(part, 1)
    upper_left, upper_right = padded[:-1, :-1], padded[:-1, 1:]
    lower_left, lower_right = padded[1:, :-1], padded[1:, 1:]
    single = upper_left ^ upper_right ^ lower_left ^ lower_right
    falling = upper_left & lower_right & ~upper_right & ~lower_left
    rising = upper_right & lower_left & ~upper_left & ~lower_right
    points = [np.nonzero(which) for which in (single, falling, falling, rising, rising)]
    # falling: one corner turns round the background at the lower left, one round that at the upper right
    ranks = [(0, 0), (0, 1), (1, 0), (0, 0), (1, 1)]
    y = np.concatenate([rows for rows, _ in points])
    x = np.concatenate([columns for _, columns in points])
    repeats = [len(rows) for rows, _ in points]
    return y, x, np.repeat([r for r, _ in ranks], repeats), np.repeat([c for _, c in ranks], repeats)


def _partners(order: np.ndarray) -> list[int]:
    partner = np.empty(len(order), np.int64)
    partner[order[0::2]], partner[order[1::2]] = order[1::2], order[0::2]
    return partner.tolist()


def _signed_area(ring: Ring) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum()) / 2


def _oriented(ring: Ring, *, outer: bool) -> Ring:
    return ring if (_signed_area(ring) > 0) == outer else ring[::-1]
