"""Find the cells of one segmentation among those of another: by overlap, or by a point that lies on a cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from cellapp.labelling.outline import Outline
from cellapp.types.image import Region

LEAST_IOU = 0.5
"""Intersection over union from which two outlines are the same cell; above it no cell can have two partners."""

LabelReader = Callable[[Region], np.ndarray]
"""Returns the labels (h, w) of a rectangle, clipped to the image."""


def match_outlines(
    outlines: Sequence[Outline], read: LabelReader, area_px: Mapping[int, int], shape: tuple[int, int]
) -> np.ndarray:
    """Match cells of one segmentation to those of another, one to one.

    Parameters
    ----------
    outlines : sequence of Outline
        N cells that do not overlap each other.
    read : callable
        See `LabelReader`; 0 is background.
    area_px : mapping of int to int
        Area of each cell in the other segmentation.
    shape : tuple of int
        (Y, X) of its label image; of an outline that reaches beyond it, the part inside is looked at.

    Returns
    -------
    ndarray of shape (N,), int64
        The cell with an intersection over union of at least `LEAST_IOU`; 0 where there is none.
    """
    pairs = []
    for row, outline in enumerate(outlines):
        for cell_id, n_px in _overlaps(outline, read, shape).items():
            iou = n_px / (outline.area_px + area_px[cell_id] - n_px)
            if iou >= LEAST_IOU:
                pairs.append((-iou, row, cell_id))
    matched, taken = np.zeros(len(outlines), np.int64), set()
    for _, row, cell_id in sorted(pairs):  # two halves of a cell tie at exactly 0.5: the first takes it
        if not matched[row] and cell_id not in taken:
            matched[row] = cell_id
            taken.add(cell_id)
    return matched


def cells_at(points: Sequence[tuple[float, float]], read: LabelReader, shape: tuple[int, int]) -> np.ndarray:
    """Return the cell under each point.

    Parameters
    ----------
    points : sequence of (y, x)
        N positions, px; whole numbers are the centres of pixels.
    read : callable
        See `LabelReader`.
    shape : tuple of int
        (Y, X) of the label image.

    Returns
    -------
    ndarray of shape (N,), int64
        0 on background and outside of the image.
    """
    found = np.zeros(len(points), np.int64)
    for row, point in enumerate(points):
        y, x = (int(np.floor(value + 0.5)) for value in point)
        if 0 <= y < shape[0] and 0 <= x < shape[1]:
            found[row] = int(read(Region(y, x, 1, 1))[0, 0])
    return found


def _overlaps(outline: Outline, read: LabelReader, shape: tuple[int, int]) -> dict[int, int]:
    """Return how many pixels of an outline each cell has; cells without any are left out."""
    rows, columns = max(shape[0] - outline.y0, 0), max(shape[1] - outline.x0, 0)
    if not rows or not columns:
        return {}
    inside = outline.mask[:rows, :columns]
    labels = read(Region(outline.y0, outline.x0, *inside.shape))
    cell_ids, n_px = np.unique(labels[inside], return_counts=True)
    return {int(cell_id): int(n) for cell_id, n in zip(cell_ids, n_px, strict=True) if cell_id}
