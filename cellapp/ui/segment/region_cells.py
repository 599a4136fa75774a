"""The part of an image on which settings are tried: where it lies, and which of its cells would be rejected."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cellapp.cells.measure import measure
from cellapp.cells.quality import assess
from cellapp.segmentation.preview import PreviewFlows
from cellapp.settings import QualitySettings
from cellapp.types.cells import LabelMask
from cellapp.types.image import Region

SIDE_PX = 512
MAX_SIDE_PX = 2048
_MIN_SIDE_PX = 32


def central_region(shape: tuple[int, int], side_px: int = SIDE_PX) -> Region:
    """Return a square in the middle of a (Y, X) image, the whole image when it is smaller."""
    height, width = (min(side_px, side) for side in shape)
    return Region((shape[0] - height) // 2, (shape[1] - width) // 2, height, width)


def fit_region(region: Region, shape: tuple[int, int]) -> Region:
    """Return the region moved and cut to lie inside a (Y, X) image, neither tiny nor too large to try."""
    height, width = (
        min(max(side, min(_MIN_SIDE_PX, limit)), limit, MAX_SIDE_PX)
        for side, limit in zip((region.height, region.width), shape, strict=True)
    )
    y = min(max(region.y, 0), shape[0] - height)
    x = min(max(region.x, 0), shape[1] - width)
    return Region(y, x, height, width)


def assess_region(
    flows: PreviewFlows, mask: LabelMask, quality: QualitySettings, *, shape: tuple[int, int], channels: tuple[str, ...]
) -> pd.DataFrame:
    """Measure the cells of a region and say which a run would reject.

    Cells cut by an edge of the region that is not an edge of the image are left out: half a cell is measured wrongly,
    and a run will see it whole.

    Parameters
    ----------
    flows : PreviewFlows
        With the raw pixels of the region.
    mask : LabelMask
        Of the region.
    quality : QualitySettings
    shape : tuple of int
        (Y, X) of the full image.
    channels : tuple of str

    Returns
    -------
    DataFrame
        Cell table in pixels of the region, see `cellapp.cells.quality.assess`.
    """
    cells = measure(lambda box: flows.raw[(slice(None), *box.slices)], mask, channels=channels)
    whole = cells[~cells.index.isin(cut_cells(mask.labels, flows.region, shape))]
    return assess(whole, mask, flows.raw, quality)  # what still touches the region's edge touches the image's


def cut_cells(labels: np.ndarray, region: Region, shape: tuple[int, int]) -> np.ndarray:
    """Return the ids of cells that an inner edge of the region cuts, (N,) integer.

    Parameters
    ----------
    labels : ndarray of shape (Y, X)
        Of the region.
    region : Region
    shape : tuple of int
        (Y, X) of the full image.
    """
    inner = [
        labels[0] if region.y > 0 else labels[:0].ravel(),
        labels[:, 0] if region.x > 0 else labels[:0].ravel(),
        labels[-1] if region.y + region.height < shape[0] else labels[:0].ravel(),
        labels[:, -1] if region.x + region.width < shape[1] else labels[:0].ravel(),
    ]
    ids = np.unique(np.concatenate(inner))
    return ids[ids != 0]
