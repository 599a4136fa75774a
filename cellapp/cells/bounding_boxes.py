"""Which cells a label image holds and the box around each: the one pass over the whole slide that measuring needs."""

from __future__ import annotations

from collections.abc import Iterator

import fastremap
import numpy as np
from scipy import ndimage

from cellapp.cells.region_reader import BLOCK_PX


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
