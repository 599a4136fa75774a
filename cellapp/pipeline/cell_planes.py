"""Pictures of the cells of an image as small squares of three planes, for networks that learn from the cells alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cellapp.encoders.crop_to_rgb import encoder_input
from cellapp.pipeline.context import ImageContext
from cellapp.pipeline.encoder_crops import encoder_crops
from cellapp.types.cells import LabelMask

_BATCH = 256


def cell_planes(context: ImageContext, mask: LabelMask, cells: pd.DataFrame, side_px: int) -> np.ndarray:
    """Cut cells as an encoder reads them.

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
    for start in range(0, len(cells), _BATCH):
        crops = encoder_crops(context, mask, cells.iloc[start : start + _BATCH], context.head_preprocessor)
        planes[start : start + _BATCH] = np.rint(255 * encoder_input(crops, context.roles, side_px))
    return planes
