"""What a head looks for in the cells of one image: by place in the cell, and by channel taken away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cellapp.encoders.crop_to_rgb import encoder_input
from cellapp.explanation.compartments import EFFECT, compartment_table
from cellapp.explanation.hirescam import attribute
from cellapp.images.channels import describe_slide
from cellapp.images.preprocess import Preprocessor
from cellapp.models.bundle import RunModels
from cellapp.pipeline.encoder_crops import encoder_crops, raw_crops
from cellapp.settings import AnalyseSettings
from cellapp.types.cells import Crops, Embeddings, Explanations, LabelMask
from cellapp.types.image import OnStep, Role, Slide

_BATCH = 32  # cells between two reports of progress; bounds the patch tokens in memory


def measure_compartments(
    slide: Slide,
    models: RunModels,
    settings: AnalyseSettings,
    mask: LabelMask,
    cells: pd.DataFrame,
    *,
    target: str | None = None,
    on_step: OnStep | None = None,
) -> pd.DataFrame:
    """Measure what the calls of some cells rest on.

    Maps are the exact attribution of `cellapp.explanation.hirescam.attribute`. The effect of a channel is the logit
    minus the logit without it: the cell is encoded again with the channel set to zero (occlusion, Zeiler and Fergus
    2014, arXiv:1311.2901). One forward pass per cell, and one more per channel where there are several.

    Parameters
    ----------
    slide : Slide
        Image the cells were cut from.
    models : RunModels
        With encoder and head.
    settings : AnalyseSettings
    mask : LabelMask
    cells : DataFrame
        Rows of the cell table; order is kept.
    target : str, optional
        Class to explain; that of the settings, else the head's positive class, when left out.
    on_step : callable, optional
        Progress; may raise `Cancelled`.

    Returns
    -------
    DataFrame
        See `cellapp.explanation.compartments.compartment_table`; with several channels also ``effect_<channel>``, in
        logit units.

    Raises
    ------
    ModelError
        When the run has no head, or the head does not know the class.
    """
    _, head = models.to_explain()
    slide, roles, _ = describe_slide(slide, settings)
    goal = target or settings.explain.target or head.positive
    reader = _Reader(slide, mask, roles, models, goal, Preprocessor.fit(slide, head.preprocess))
    tables = []
    for start in range(0, max(len(cells), 1), _BATCH):
        if on_step:
            on_step("Measuring what calls rest on", start / max(len(cells), 1))
        tables.append(reader.table(cells.iloc[start : start + _BATCH]))
    return pd.concat(tables)


@dataclass(frozen=True, eq=False)
class _Reader:
    """One image, one head, one class: everything but the cells."""

    slide: Slide
    mask: LabelMask
    roles: Sequence[Role]
    models: RunModels
    target: str
    preprocessor: Preprocessor

    def table(self, cells: pd.DataFrame) -> pd.DataFrame:
        crops = encoder_crops(self.slide, self.mask, cells, self.roles, self.models, self.preprocessor)
        raw = raw_crops(
            self.slide,
            self.mask,
            cells,
            self.models.head.crop,
            channels=self.slide.info.channels,
            roles=self.roles,
            angle_deg=self.preprocessor.angle_deg,
        )
        explained = attribute(self.models.head, self._embed(crops, patches=True), self.target)
        table = compartment_table(explained, [one.inside for one in raw], [one.nucleus(self.roles) for one in raw])
        return table.assign(**{EFFECT + name: explained.logits - without for name, without in self._occluded(crops)})

    def _occluded(self, crops: Crops) -> Iterator[tuple[str, np.ndarray]]:
        """Yield each channel's name and the logits, (N,), of the cells without it; nothing for a single channel."""
        weight, bias = self.models.head.contrast(self.target)
        for channel, name in enumerate(crops.channels if len(crops.channels) > 1 else ()):
            dark = [np.where(np.arange(len(pixels))[:, None, None] == channel, 0, pixels) for pixels in crops.pixels]
            yield name, self._embed(replace(crops, pixels=dark)).features @ weight + bias

    def _embed(self, crops: Crops, *, patches: bool = False) -> Embeddings:
        pixels = encoder_input(crops, self.roles, self.models.encoder.input_px)
        return self.models.encoder.embed(pixels, crops.cell_ids, patches=patches)


def explain_cells(
    slide: Slide,
    models: RunModels,
    settings: AnalyseSettings,
    mask: LabelMask,
    cells: pd.DataFrame,
    *,
    target: str | None = None,
) -> Explanations:
    """Explain the cells of a table.

    Parameters
    ----------
    slide : Slide
        Image the cells were cut from.
    models : RunModels
        With encoder and head.
    settings : AnalyseSettings
    mask : LabelMask
    cells : DataFrame
        Rows of the cell table to explain; order is kept.
    target : str, optional
        Class; the head's positive class when left out.

    Raises
    ------
    ModelError
        When the run has no head, or the head does not know the class.
    """
    from cellapp.explanation.hirescam import explain

    encoder, head = models.to_explain()
    slide, roles, _ = describe_slide(slide, settings)
    preprocessor = Preprocessor.fit(slide, head.preprocess)
    crops = encoder_crops(slide, mask, cells, roles, models, preprocessor)
    pixels = encoder_input(crops, roles, encoder.input_px)
    goal = target or settings.explain.target
    ids = cells.index.to_numpy(np.int32)
    return explain(encoder, head, pixels, ids, goal, method=settings.explain.method)
