"""Bounding boxes of cells, and crops of many cells packed in one flat array.

Arithmetic on packed crops runs over the pixels of all cells at once.

One call per cell costs far more than its few hundred pixels; packed, a thousand cells take one call. Each crop has a
margin of one pixel, so that neighbours always exist: ``at - 1``, ``at + 1`` and ``at -+ width`` are the pixels left,
right, above and below.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import fastremap
import numpy as np
from scipy import ndimage

from cellapp.cells.region_reader import BLOCK_PX, PixelSource
from cellapp.types.image import Region


def find_boxes(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find all cells and their bounding boxes.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), int
        0 is background; ids are positive and may have gaps of any size.

    Returns
    -------
    cell_ids : ndarray of shape (N,), int32
        Sorted.
    boxes : ndarray of shape (N, 4), int64
        ``y0, x0, y1, x1``, half open, pixels.
    """
    sparse_ids = None
    if labels.size and labels.max() > labels.size:  # a slot per possible id would be larger than the image
        sparse_ids = fastremap.unique(labels)
        sparse_ids = sparse_ids[sparse_ids != 0]
        labels = fastremap.remap(labels, {0: 0} | {int(cell_id): i + 1 for i, cell_id in enumerate(sparse_ids)})
    slots = ndimage.find_objects(labels) if labels.size else []
    at = np.array([i for i, box in enumerate(slots) if box is not None], np.int64)
    boxes = np.array([(y.start, x.start, y.stop, x.stop) for y, x in filter(None, slots)], np.int64).reshape(-1, 4)
    return (at + 1 if sparse_ids is None else sparse_ids[at]).astype(np.int32), boxes


def batches(boxes: np.ndarray, limit_px: int) -> Iterator[np.ndarray]:
    """Divide boxes into batches of about `limit_px` pixels, neighbours together so that a slide's blocks are read once.

    Parameters
    ----------
    boxes : ndarray of shape (N, 4), int
    limit_px : int
        A box larger than this is a batch of its own.

    Yields
    ------
    ndarray of int
        Row numbers into `boxes`, ascending; each comes once.
    """
    order = np.lexsort((boxes[:, 1] // BLOCK_PX, boxes[:, 0] // BLOCK_PX))
    filled = np.cumsum(np.prod(boxes[order, 2:] - boxes[order, :2], axis=1)) // limit_px
    for rows in np.split(order, np.flatnonzero(np.diff(filled)) + 1) if len(boxes) else ():
        yield np.sort(rows)


@dataclass(frozen=True, eq=False)
class PackedCrops:
    """Crops of cells, row-major and one after another."""

    boxes: np.ndarray  # (M, 4) int64, y0, x0, y1, x1 of each crop without its margin
    starts: np.ndarray  # (M + 1,) int64, where each crop begins, and the end of the last
    inside: np.ndarray  # (pixels,) bool, True on the cell
    at: np.ndarray  # (P,) int64, positions of the cells' pixels, crop by crop, row-major
    counts: np.ndarray  # (M,) int64, how many of `at` belong to each crop

    @property
    def widths(self) -> np.ndarray:
        """Width of each crop with its margin, (M,) int64."""
        return self.boxes[:, 3] - self.boxes[:, 1] + 2

    def each(self, values: np.ndarray) -> np.ndarray:
        """Repeat one value per crop for each of its pixels in `at`."""
        return np.repeat(values, self.counts)

    def pixels(self, read: PixelSource, shape: tuple[int, int]) -> np.ndarray:
        """Read raw pixels in the same layout.

        Parameters
        ----------
        read : callable
            Raw pixels of a rectangle inside the image, (C, h, w).
        shape : tuple of int
            (Y, X) of the image; beyond it the margin repeats the edge.

        Returns
        -------
        ndarray of shape (C, pixels), native dtype
        """
        packed = None
        for (y0, x0, y1, x1), start, end in zip(self.boxes.tolist(), self.starts, self.starts[1:], strict=False):
            top, left = max(y0 - 1, 0), max(x0 - 1, 0)
            block = read(Region(top, left, min(y1 + 1, shape[0]) - top, min(x1 + 1, shape[1]) - left))
            missing = ((top - y0 + 1, y1 + 1 - top - block.shape[1]), (left - x0 + 1, x1 + 1 - left - block.shape[2]))
            if any(sum(missing, ())):
                block = np.pad(block, ((0, 0), *missing), mode="edge")
            packed = np.empty((len(block), len(self.inside)), block.dtype) if packed is None else packed
            packed[:, start:end] = block.reshape(len(block), -1)
        return packed


def pack(labels: np.ndarray, cell_ids: np.ndarray, boxes: np.ndarray) -> PackedCrops:
    """Pack the masks of cells.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), int
    cell_ids : ndarray of shape (M,)
        Whose pixels count in each box; a cell may come in several boxes.
    boxes : ndarray of shape (M, 4), int
        ``y0, x0, y1, x1``, at least one.
    """
    heights, widths = boxes[:, 2] - boxes[:, 0] + 2, boxes[:, 3] - boxes[:, 1] + 2
    starts = np.concatenate([[0], np.cumsum(heights * widths)])
    inside = np.zeros(starts[-1], bool)
    rows = zip(cell_ids.tolist(), boxes.tolist(), starts, starts[1:], strict=False)
    for cell_id, (y0, x0, y1, x1), start, end in rows:
        mask = inside[start:end].reshape(y1 - y0 + 2, x1 - x0 + 2)
        np.equal(labels[y0:y1, x0:x1], cell_id, out=mask[1:-1, 1:-1])
    at = np.flatnonzero(inside)
    return PackedCrops(boxes, starts, inside, at, np.diff(np.searchsorted(at, starts)))
