"""Maps of cells of one image and nothing else: what is shown of single cells."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cellapp.encoders.crop_to_rgb import encoder_input
from cellapp.explanation import methods
from cellapp.pipeline.context import ImageContext
from cellapp.pipeline.encoder_crops import encoder_crops
from cellapp.settings import ExplainSettings
from cellapp.types.cells import Crops, Explanations, LabelMask, join_explanations
from cellapp.types.image import OnStep

_BATCH, _SLOW_BATCH = 32, 4  # cells between two reports of progress; bounds the crops and patch tokens in memory


def maps_of_cells(
    context: ImageContext, mask: LabelMask, cells: pd.DataFrame, target: str, on_step: OnStep | None = None
) -> Explanations:
    """Make the maps of some cells by the method of the settings: those of `explain_cells`, without its measurements.

    Parameters
    ----------
    context : ImageContext
        With encoder and head; cells are cut from its `source`.
    mask : LabelMask
    cells : DataFrame
        Rows of the cell table, any number; order is kept.
    target : str
        Class to explain.
    on_step : callable, optional
        Progress; may raise `Cancelled`.

    Raises
    ------
    ModelError
        When the run has no head, the head reads no crops, or it does not know the class.
    """
    how = context.settings.explain
    parts = [
        explained_crops(context, encoder_crops(context, mask, some, context.head_preprocessor), target, how)
        for some in batched(cells, how.named, on_step)
    ]
    return join_explanations(parts)


def explained_crops(context: ImageContext, crops: Crops, target: str, how: ExplainSettings) -> Explanations:
    """Return the maps of cells that are cut as the head reads them, made in one way."""
    encoder, head = context.models.to_explain()
    pixels = encoder_input(crops, context.roles, encoder.input_px, head.reads.channels_as)
    return methods.explain(encoder, head, pixels, crops.cell_ids, target, method=how.named, layer=how.layer)


def batched(cells: pd.DataFrame, method: str, on_step: OnStep | None) -> Iterator[pd.DataFrame]:
    """Cut cells into batches, small ones for slow methods, and report each; no cells are one batch without any."""
    size = _SLOW_BATCH if methods.is_slow(method) else _BATCH
    for start in range(0, max(len(cells), 1), size):
        if on_step:
            on_step("Explaining cells", start / max(len(cells), 1))
        yield cells.iloc[start : start + size]
