"""Pictures of the cells of an image as squares of planes, for networks that learn: the one way of cutting them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cellapp.pipeline.context import ImageContext
from cellapp.pipeline.encoder_crops import encoder_planes
from cellapp.types.cells import LabelMask

_BATCH = 256  # cells in memory at once


def cell_planes(context: ImageContext, mask: LabelMask, cells: pd.DataFrame, side_px: int) -> np.ndarray:
    """Cut cells as three planes by the roles of the channels, whatever the run's encoder reads.

    Parameters
    ----------
    context : ImageContext
    mask : LabelMask
    cells : DataFrame
        Rows of the cell table; order is kept.
    side_px : int
        Side of the squares.

    Returns
    -------
    ndarray of shape (N, 3, S, S), uint8
        See `cellapp.encoders.crop_to_rgb.encoder_input` for what is in which plane.
    """
    planes = np.zeros((len(cells), 3, side_px, side_px), np.uint8)
    for at, batch in plane_batches(context, mask, cells, side_px):
        planes[at] = np.rint(255 * batch)
    return planes


def plane_batches(
    context: ImageContext, mask: LabelMask, cells: pd.DataFrame, side_px: int | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Cut cells some at a time, those that lie together first, so that a large image is not decoded again and again.

    Parameters
    ----------
    context, mask, cells
        See `cell_planes`.
    side_px : int, optional
        Side of squares of three planes; left out, planes and side are those that the run's encoder reads.

    Yields
    ------
    ndarray of shape (n,), int
        Positions in `cells`.
    ndarray of shape (n, P, S, S), float32
        Their planes, 0 to 1.
    """
    order = np.lexsort((cells["centroid_x_px"], cells["centroid_y_px"]))
    for start in range(0, len(order), _BATCH):
        at = order[start : start + _BATCH]
        yield at, encoder_planes(context, mask, cells.iloc[at], context.head_preprocessor, side_px)
