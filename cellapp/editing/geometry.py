"""Outlines, strokes and lines as pixels of a rectangle: (h, w) bool, True where the centre of a pixel is meant."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from skimage.draw import line

from cellapp.editing.edit import Point
from cellapp.exports.polygons import fill
from cellapp.types.image import Region


def bounds(points: Sequence[Point], shape: tuple[int, int], reach_px: float = 0.0) -> Region:
    """Return the rectangle of a (Y, X) image that holds points and all within `reach_px` of them; may be empty."""
    corners = np.asarray(points, float)
    low = np.clip(np.floor(corners.min(axis=0) - reach_px), 0, shape).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0) + reach_px) + 1, 0, shape).astype(int)
    return Region(int(low[0]), int(low[1]), *(int(side) for side in np.maximum(high - low, 0)))


def inside_outline(points: Sequence[Point], region: Region) -> np.ndarray:
    """Return the pixels inside a closed outline, by the rule of even and odd."""
    ring = np.asarray([*points, points[0]], float) - (region.y, region.x)
    return fill([ring[:, ::-1]], (region.height, region.width))


def under_stroke(points: Sequence[Point], radius_px: float, region: Region) -> np.ndarray:
    """Return the pixels whose centre lies within `radius_px` of a line through the points, or is the nearest to one."""
    covered = np.zeros((region.height, region.width), bool)
    path = np.asarray(points, float) - (region.y, region.x)
    for start, end in zip(path[: max(len(path) - 1, 1)], path[1:] if len(path) > 1 else path, strict=True):
        low = np.clip(np.floor(np.minimum(start, end) - radius_px - 1), 0, covered.shape).astype(int)
        high = np.clip(np.ceil(np.maximum(start, end) + radius_px + 1), 0, covered.shape).astype(int)
        part = covered[low[0] : high[0], low[1] : high[1]]
        part |= _distance(start, end, low, part.shape) <= radius_px
    for y, x in np.floor(path).astype(int):
        if 0 <= y < covered.shape[0] and 0 <= x < covered.shape[1]:
            covered[y, x] = True
    return covered


def along_line(points: Sequence[Point], region: Region) -> np.ndarray:
    """Return the pixels of a thin line through the points; no 4-connected path of pixels crosses it."""
    drawn = np.zeros((region.height, region.width), bool)
    path = np.floor(np.asarray(points, float) - (region.y, region.x)).astype(int)
    for start, end in pairwise(path):
        rows, columns = line(*start, *end)
        here = (rows >= 0) & (rows < region.height) & (columns >= 0) & (columns < region.width)
        drawn[rows[here], columns[here]] = True
    return drawn


def _distance(start: np.ndarray, end: np.ndarray, corner: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return how far the centres of pixels are from a piece of a line, (h, w) float."""
    y, x = (np.arange(n) + 0.5 + at for n, at in zip(shape, corner, strict=True))
    along = end - start
    length = float(along @ along)
    share = ((y[:, None] - start[0]) * along[0] + (x[None] - start[1]) * along[1]) / (length or 1.0)
    share = np.clip(share, 0.0, 1.0)
    return np.hypot(y[:, None] - start[0] - share * along[0], x[None] - start[1] - share * along[1])
