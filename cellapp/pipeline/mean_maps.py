"""Mean maps of a run: cells explained image by image, averaged by what they count as."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from cellapp.cells.counts import outcome
from cellapp.explanation.mean_map import MeanMap, mean_map
from cellapp.pipeline.context import ImageContext
from cellapp.pipeline.encoder_crops import raw_crops
from cellapp.types.cells import Explanations, LabelMask

MapsOfCell = tuple[str, np.ndarray, np.ndarray]
"""What a cell counts as, its map (h, w), and where it is in its crop, (S, S) bool."""


def cells_with_maps(
    context: ImageContext, mask: LabelMask, cells: pd.DataFrame, explained: Explanations
) -> list[MapsOfCell]:
    """Return what each cell of one image counts as, its map, and where it lies in the crop that was explained.

    Parameters
    ----------
    context : ImageContext
        With encoder and head.
    mask : LabelMask
    cells : DataFrame
        Rows of the cell table.
    explained : Explanations
        Of these cells.
    """
    _, head = context.models.to_explain()
    rows = cells.loc[explained.cell_ids]
    crops = raw_crops(
        context.source,
        mask,
        rows,
        head.crop,
        channels=context.source.info.channels,
        roles=context.roles,
        angle_deg=context.head_preprocessor.angle_deg,
    )
    counted = outcome(cells).loc[explained.cell_ids]
    return [(str(o), one, crop.inside) for o, one, crop in zip(counted, explained.maps, crops, strict=True)]


def mean_by_outcome(cells: Iterable[MapsOfCell], classes: Iterable[str]) -> Mapping[str, MeanMap]:
    """Return the mean map of each class that has cells, in the order of `classes`."""
    listed = list(cells)
    mine = {name: [(one, inside) for o, one, inside in listed if o == name] for name in classes}
    return {name: mean_map(*map(list, zip(*rows, strict=True))) for name, rows in mine.items() if rows}
