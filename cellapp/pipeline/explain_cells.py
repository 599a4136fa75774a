"""What a head's calls rest on in the cells of one image: maps, compartments, and channels taken away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from cellapp.encoders.crop_to_rgb import encoder_input
from cellapp.explanation import methods
from cellapp.explanation.compartments import EFFECT, compartment_table
from cellapp.models.bundle import RunModels, load_models_to_explain
from cellapp.pipeline.context import ImageContext, make_context
from cellapp.pipeline.encoder_crops import encoder_crops, raw_crops
from cellapp.pipeline.find_nuclei import find_nuclei
from cellapp.settings import AnalyseSettings
from cellapp.types.cells import Crops, Explanations, LabelMask, join_explanations
from cellapp.types.image import OnStep, Slide

_BATCH = 32  # cells between two reports of progress; bounds the crops and patch tokens in memory


class ExplainedCells(NamedTuple):
    """Maps of some cells of one image, and the table of what each compartment of a cell and each channel gives."""

    explanations: Explanations
    compartments: pd.DataFrame


def explain(
    slide: Slide,
    mask: LabelMask,
    cells: pd.DataFrame,
    target: str | None = None,
    *,
    models: RunModels | None = None,
    settings: AnalyseSettings | None = None,
) -> ExplainedCells:
    """Explain cells of an image that is segmented already, see `explain_cells`.

    Parameters
    ----------
    slide : Slide
        Image the cells were measured in, as it was opened.
    mask : LabelMask
    cells : DataFrame
        Rows of the cell table, any number; order is kept.
    target : str, optional
        Class to explain; that of the settings, else the head's positive class, when left out.
    models : RunModels, optional
        With encoder and head; loaded here as the settings name them when left out.
    settings : AnalyseSettings, optional
        Those the cells were found with; the defaults when left out.

    Raises
    ------
    InputError
        When the channels cannot be used.
    ModelError
        When a model cannot be had, or the head does not know the class.
    """
    settings = settings or AnalyseSettings()
    context = make_context(slide, None, models or load_models_to_explain(settings), settings)
    return explain_cells(context, mask, cells, target, nuclei=find_nuclei(context, mask))


def explain_cells(
    context: ImageContext,
    mask: LabelMask,
    cells: pd.DataFrame,
    target: str | None = None,
    *,
    nuclei: LabelMask | None = None,
    channel_effects: bool = True,
    on_step: OnStep | None = None,
) -> ExplainedCells:
    """Explain one class of some cells: where in the crop and in which channel its logit comes from.

    Each cell is cut and encoded once for its map, see `cellapp.explanation.methods.explain`. The effect of a channel
    is the logit minus the logit without it: the crop is encoded again with the channel set to zero (occlusion, Zeiler
    and Fergus 2014, arXiv:1311.2901).

    Parameters
    ----------
    context : ImageContext
        With encoder and head; cells are cut from its `source`.
    mask : LabelMask
    cells : DataFrame
        Rows of the cell table, any number; order is kept.
    target : str, optional
        Class to explain; that of the settings, else the head's positive class, when left out.
    nuclei : LabelMask, optional
        See `cellapp.pipeline.find_nuclei`; without them nucleus and cytoplasm are not told apart.
    channel_effects : bool
        False leaves out the effects of channels: one pass of the encoder per cell, not one more per channel.
    on_step : callable, optional
        Progress; may raise `Cancelled`.

    Returns
    -------
    ExplainedCells
        Maps by the method of the settings, and the table of
        `cellapp.explanation.compartments.compartment_table`, which is always of the exact attribution; where an image
        has several channels with a column ``effect_<channel>`` for each, in logit units.

    Raises
    ------
    ModelError
        When the run has no head, the head reads no crops, or it does not know the class.
    """
    _, head = context.models.to_explain()
    target = target or context.settings.explain.target or head.positive
    parts = []
    for start in range(0, max(len(cells), 1), _BATCH):
        if on_step:
            on_step("Explaining cells", start / max(len(cells), 1))
        batch = cells.iloc[start : start + _BATCH]
        parts.append(_explain_batch(context, mask, batch, target, nuclei, channel_effects))
    return ExplainedCells(join_explanations([maps for maps, _ in parts]), pd.concat([table for _, table in parts]))


def _explain_batch(
    context: ImageContext,
    mask: LabelMask,
    cells: pd.DataFrame,
    target: str,
    nuclei: LabelMask | None,
    channel_effects: bool,
) -> ExplainedCells:
    encoder, head = context.models.to_explain()
    preprocessor, roles, source = context.head_preprocessor, context.roles, context.source
    crops = encoder_crops(context, mask, cells, preprocessor)
    raw = raw_crops(
        source,
        mask,
        cells,
        head.crop,
        channels=source.info.channels,
        roles=roles,
        angle_deg=preprocessor.angle_deg,
        nuclei=None if nuclei is None else nuclei.labels,
    )
    pixels = encoder_input(crops, roles, encoder.input_px, head.reads.channels_as)
    chosen = context.settings.explain
    asked = (encoder, head, pixels, crops.cell_ids, target)
    exact = methods.explain(*asked)
    maps = exact if chosen.method == "exact" else methods.explain(*asked, method=chosen.method, layer=chosen.layer)
    table = compartment_table(exact, [one.inside for one in raw], [one.core for one in raw])
    without = _logits_without_channels(context, crops, target) if channel_effects else ()
    return ExplainedCells(maps, table.assign(**{EFFECT + name: exact.logits - logits for name, logits in without}))


def _logits_without_channels(context: ImageContext, crops: Crops, target: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each channel's name and the logits, (N,), of the cells without it; nothing for a single channel."""
    encoder, head = context.models.to_explain()
    weight, bias = head.contrast(target)
    for channel, name in enumerate(crops.channels if len(crops.channels) > 1 else ()):
        dark = [np.where(np.arange(len(pixels))[:, None, None] == channel, 0, pixels) for pixels in crops.pixels]
        planes = encoder_input(replace(crops, pixels=dark), context.roles, encoder.input_px, head.reads.channels_as)
        yield name, encoder.embed(planes, crops.cell_ids).features @ weight + bias
