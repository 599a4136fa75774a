"""Size and shape of every cell by the definitions of `skimage.measure.regionprops`, for many cells at once."""

from __future__ import annotations

import numpy as np

from cellapp.cells.boxes import batches
from cellapp.cells.hull import hull_areas
from cellapp.cells.sheet import Sheet, lay_out

BATCH_PX = 2**18
"""Pixels of cells at a time: many cells per call and still within a processor's cache."""

BOX = ("bbox_y0_px", "bbox_x0_px", "bbox_y1_px", "bbox_x1_px")
SHAPES = (
    "centroid_y_px",
    "centroid_x_px",
    *BOX,
    "area_px",
    "perimeter_px",
    "equivalent_diameter_px",
    "major_axis_px",
    "minor_axis_px",
    "eccentricity",
    "solidity",
    "extent",
    "orientation_rad",
)
COUNTED = (*BOX, "area_px")


def shapes(labels: np.ndarray, cell_ids: np.ndarray, boxes: np.ndarray) -> dict[str, np.ndarray]:
    """Measure the shape of every cell.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), int
    cell_ids, boxes : ndarray
        See `cellapp.cells.boxes.find_boxes`.

    Returns
    -------
    dict of str to ndarray of shape (N,)
        The columns `SHAPES`; int64 for those in `COUNTED`, else float64. Orientation is the angle in rad between the
        row axis and the major axis.
    """
    table = {name: np.zeros(len(cell_ids), np.int64 if name in COUNTED else np.float64) for name in SHAPES}
    for rows in batches(boxes, BATCH_PX):
        for name, values in _measure(lay_out(labels, cell_ids[rows], boxes[rows])).items():
            table[name][rows] = values
    return table


def _measure(sheet: Sheet) -> dict[str, np.ndarray]:
    area, firsts = sheet.counts, np.cumsum(sheet.counts) - sheet.counts
    lines, x = np.divmod(sheet.at - sheet.each(sheet.starts[:-1]), sheet.each(sheet.widths))
    y, x = lines - 1, x - 1
    mean_y, mean_x = (np.add.reduceat(values, firsts) / area for values in (y, x))
    dy, dx = y - sheet.each(mean_y), x - sheet.each(mean_x)
    yy, xx, xy = (np.add.reduceat(values, firsts) / area for values in (dy * dy, dx * dx, dy * dx))
    size = sheet.boxes[:, 2:] - sheet.boxes[:, :2]
    return {
        "centroid_y_px": sheet.boxes[:, 0] + mean_y,
        "centroid_x_px": sheet.boxes[:, 1] + mean_x,
        **dict(zip(BOX, sheet.boxes.T, strict=True)),
        "area_px": area,
        "perimeter_px": _perimeters(sheet),
        "equivalent_diameter_px": np.sqrt(4 * area / np.pi),
        "solidity": area / _hulls(sheet, y, x),
        "extent": area / size.prod(axis=1),
        **_ellipses(yy, xx, xy),
    }


def _ellipses(yy: np.ndarray, xx: np.ndarray, xy: np.ndarray) -> dict[str, np.ndarray]:
    """Describe the ellipse with the same second central moments."""
    middle, half = (yy + xx) / 2, np.hypot((yy - xx) / 2, xy)
    major, minor = middle + half, np.maximum(middle - half, 0.0)
    tilted = np.where(xy > 0, np.pi / 4, -np.pi / 4)  # where both axes have the same moment
    flat = np.divide(minor, major, out=np.ones_like(major), where=major > 0)
    return {
        "major_axis_px": 4 * np.sqrt(major),
        "minor_axis_px": 4 * np.sqrt(minor),
        "eccentricity": np.sqrt(1 - flat),
        "orientation_rad": np.where(yy == xx, tilted, 0.5 * np.arctan2(2 * xy, yy - xx)),
    }


def _perimeters(sheet: Sheet) -> np.ndarray:
    """Length of the line through the centres of border pixels (Benkrid and Crookes), (M,) float64."""
    at, width, inside = sheet.at, sheet.each(sheet.widths), sheet.inside
    border = ~(inside[at - 1] & inside[at + 1] & inside[at - width] & inside[at + width])
    at, width = at[border], width[border]
    edge = np.zeros(len(inside), np.int8)
    edge[at] = 1
    straight = edge[at - 1] + edge[at + 1] + edge[at - width] + edge[at + width]
    oblique = edge[at - width - 1] + edge[at - width + 1] + edge[at + width - 1] + edge[at + width + 1]
    owner = sheet.each(np.arange(len(sheet.counts)))[border]
    return np.bincount(owner, _STEP[straight, oblique], len(sheet.counts))


def _steps() -> np.ndarray:
    """Length a border pixel adds, by its neighbours on the border: straight (0-4), oblique (0-4)."""
    steps = np.zeros((5, 5))
    steps[[2, 3, 2, 3, 2, 3], [0, 0, 1, 1, 2, 2]] = 1
    steps[[0, 1], [2, 3]] = np.sqrt(2)
    steps[[1, 1], [1, 2]] = (1 + np.sqrt(2)) / 2
    return steps


_STEP = _steps()


def _hulls(sheet: Sheet, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Pixels in each convex hull, (M,) int64."""
    owner = sheet.each(np.arange(len(sheet.counts)))
    new = np.flatnonzero(np.diff(y, prepend=-1) | np.diff(owner, prepend=-1))
    last = np.append(new[1:], len(y)) - 1
    return hull_areas(owner[new], y[new], x[new], x[last])
