"""What a head's calls rest on in the cells of one image: maps, compartments, and channels taken away."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from cellapp.cells.describe_cells import describe_cells, described
from cellapp.explanation.channel_places import channel_places
from cellapp.explanation.compartments import compartment_shares, compartment_table
from cellapp.models.bundle import RunModels, load_models_to_explain
from cellapp.pipeline.context import ImageContext, make_context
from cellapp.pipeline.encoder_crops import RawCrop, encoder_crops, with_masks
from cellapp.pipeline.find_nuclei import find_nuclei
from cellapp.pipeline.maps_of_cells import batched, explained_crops
from cellapp.pipeline.removals import cut_cells, mean_levels, without_each
from cellapp.settings import AnalyseSettings, ExplainSettings
from cellapp.types.cells import Crops, Explanations, LabelMask, join_explanations
from cellapp.types.image import OnStep, Slide

_FEW = 64  # cells whose mean brightness stands for all


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
    without_parts: bool = False,
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
    without_parts : bool
        Also take away parts of cells and say what they are called then, in up to five passes more, see
        `cellapp.pipeline.removals.without_each`; and describe cells, see `cellapp.cells.describe_cells`.
    on_step : callable, optional
        Progress; may raise `Cancelled`.

    Returns
    -------
    ExplainedCells
        Maps by the method of the settings, and the table of
        `cellapp.explanation.compartments.compartment_table`, which is always of the exact attribution; where an image
        has several channels with a column ``effect_<channel>`` for each, in logit units, and those of
        `cellapp.explanation.channel_places.channel_places`, and with the columns of
        `cellapp.pipeline.removals.without_each` and of `cellapp.cells.describe_cells` where parts were taken away.

    Raises
    ------
    ModelError
        When the run has no head, the head reads no crops, or it does not know the class.
    """
    _, head = context.models.to_explain()
    batches = _Batches(
        context,
        mask,
        target or context.settings.explain.target or head.positive,
        nuclei,
        channel_effects or without_parts,
    )
    if without_parts:
        batches = replace(batches, levels=batches.mean_levels(cells))
    method = context.settings.explain.named
    parts = [batches.explain(some) for some in batched(cells, method, on_step)]
    return ExplainedCells(join_explanations([maps for maps, _ in parts]), pd.concat([table for _, table in parts]))


@dataclass(frozen=True, eq=False)
class _Batches:
    """What the batches of one image share."""

    context: ImageContext
    mask: LabelMask
    target: str
    nuclei: LabelMask | None
    removes: bool  # whether channels and, with levels, parts are taken away
    levels: np.ndarray | None = None

    def explain(self, cells: pd.DataFrame) -> ExplainedCells:
        """Explain some cells."""
        crops, chosen = self._crops(cells), self.context.settings.explain
        raw = self._squares(crops, cells)
        exact = explained_crops(self.context, crops, self.target, ExplainSettings())
        maps = exact if chosen.named == "exact" else explained_crops(self.context, crops, self.target, chosen)
        table = compartment_table(exact, [one.inside for one in raw], [one.core for one in raw])
        if self.removes:
            table = table.join(self._without(crops, raw, exact))
        if self.levels is not None:
            table = table.join(self._described(cells))
        return ExplainedCells(maps, table)

    def _crops(self, cells: pd.DataFrame) -> Crops:
        return encoder_crops(self.context, self.mask, cells, self.context.head_preprocessor, with_inside=True)

    def _without(self, crops: Crops, raw: list[RawCrop], exact: Explanations) -> pd.DataFrame:
        """Return what becomes of cells without a channel or a part, and what each channel gives in each place."""
        removed = without_each(self.context, crops, cut_cells(self.context, crops, raw), exact, self.levels)
        if not removed.maps:
            return removed.table
        shares = [compartment_shares(one.inside, one.core, exact.maps.shape[1:]) for one in raw]
        return removed.table.join(channel_places(exact, removed.maps, shares))

    def _described(self, cells: pd.DataFrame) -> pd.DataFrame:
        """Return descriptors of cytoskeleton and nucleus: those of the cell table where the run has them."""
        if names := list(described(cells)):
            return cells[names]
        source = self.context.source
        return describe_cells(source, self.mask, cells, channels=source.info.channels, nuclei=self.nuclei)

    def mean_levels(self, cells: pd.DataFrame) -> np.ndarray:
        """Return the mean brightness of cells, (C,), of a few drawn evenly: it is the same whatever the batches."""
        few = cells.iloc[np.unique(np.linspace(0, max(len(cells) - 1, 0), _FEW).astype(int))[: len(cells)]]
        crops = self._crops(few)
        return mean_levels(cut_cells(self.context, crops, self._squares(crops, few)), len(self.context.roles))

    def _squares(self, crops: Crops, cells: pd.DataFrame) -> list[RawCrop]:
        """Return where cells and nuclei are in the crops, which are not cut again for that."""
        return with_masks(
            crops,
            self.mask,
            cells,
            self.context.models.to_explain()[1].crop,
            angle_deg=self.context.head_preprocessor.angle_deg,
            nuclei=None if self.nuclei is None else self.nuclei.labels,
        )
