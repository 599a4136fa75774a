"""Many small pictures of cells in one flat array, so that arithmetic runs over all their pixels at once.

A call per cell into a general library costs far more than its few hundred pixels; laid end to end, a thousand cells
cost one call. Each picture has a margin of one pixel, so neighbours are always there: ``at - 1``, ``at + 1`` and
``at -+ width`` are the pixels left, right, above and below.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellapp.cells.region_reader import PixelSource
from cellapp.types.image import Region


@dataclass(frozen=True, eq=False)
class PackedCrops:
    """Pictures laid end to end; those without a pixel of their cell are left out of `shown`."""

    boxes: np.ndarray  # (M, 4) int64, y0, x0, y1, x1 of each picture without its margin
    starts: np.ndarray  # (M + 1,) int64, where each picture begins, and the end of the last
    inside: np.ndarray  # (pixels,) bool, True on the cell
    at: np.ndarray  # (P,) int64, positions of the cells' pixels, picture by picture, row-major
    counts: np.ndarray  # (M,) int64, how many of `at` belong to each picture

    @property
    def widths(self) -> np.ndarray:
        """Width of each picture with its margin, (M,) int64."""
        return self.boxes[:, 3] - self.boxes[:, 1] + 2

    def each(self, values: np.ndarray) -> np.ndarray:
        """Spread one value per picture over the pixels of `at`."""
        return np.repeat(values, self.counts)

    def pixels(self, read: PixelSource, shape: tuple[int, int]) -> np.ndarray:
        """Read raw pixels into the same places.

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
    """Lay out where cells are.

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
        picture = inside[start:end].reshape(y1 - y0 + 2, x1 - x0 + 2)
        np.equal(labels[y0:y1, x0:x1], cell_id, out=picture[1:-1, 1:-1])
    at = np.flatnonzero(inside)
    return PackedCrops(boxes, starts, inside, at, np.diff(np.searchsorted(at, starts)))
