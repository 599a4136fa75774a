"""The only place that knows the order of the steps: segment, measure, judge, classify, explain.

Shells (pages, command line, API, worker) call these functions and nothing below them, so that all of them give the same
cells. Pixels go through two chains: the run's own for segmentation, and the one a head was trained with for everything
the head and its explanation see. Measurements and crops for download use raw pixels.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd

from cellapp.cells.measure import measure
from cellapp.cells.quality import assess
from cellapp.classification.predict import predict
from cellapp.classification.table import add_predictions, choose_cells
from cellapp.encoders.prepare import encoder_input
from cellapp.errors import BudgetError, ModelError
from cellapp.images.channels import check_pair
from cellapp.images.preprocess import Preprocessor
from cellapp.images.read import check_pixels
from cellapp.kit import Kit, describe
from cellapp.provenance import provenance
from cellapp.regions import explain_regions
from cellapp.seen import seen_crops
from cellapp.segmentation.confluency import confluency
from cellapp.segmentation.segment import segment
from cellapp.settings import AnalyseSettings, ClassifySettings, app_settings
from cellapp.types import (
    Analysis,
    Embeddings,
    Explanations,
    LabelMask,
    OnStep,
    Predictions,
    Role,
    Segmenter,
    Slide,
    join_embeddings,
)

_BATCH = 256  # crops in memory at once while embedding


def analyse(
    slide: Slide,
    kit: Kit,
    settings: AnalyseSettings,
    on_step: OnStep | None = None,
    *,
    name: str | None = None,
    target: Slide | None = None,
) -> Analysis:
    """Run every step on one image.

    Parameters
    ----------
    slide : Slide
        Image to segment (the reference, where a `target` is given).
    kit : Kit
    settings : AnalyseSettings
    on_step : callable, optional
        Progress; may raise `Cancelled`.
    name : str, optional
        File stem of the result; the image's own name when left out.
    target : Slide, optional
        Image of the same size from which cells are measured, cut and classified.

    Returns
    -------
    Analysis

    Raises
    ------
    InputError
        When the pixels or the channels cannot be used.
    BudgetError
        When the image is too large to be analysed in one piece.
    """
    tell = on_step or (lambda step, fraction: None)
    clock = _Clock()
    slide, roles, um_per_px = describe(slide, settings)
    if target is not None:
        check_pair(slide, target)
        target, roles, _ = describe(target, settings)
    source = target or slide

    tell("Finding cells", 0.05)
    with clock("segment"):
        mask = find_cells(slide, kit.segmenter, settings)
    tell("Measuring cells", 0.4)
    with clock("measure"):
        cells = measure(source, mask, channels=source.info.channels, um_per_px=um_per_px)
        cells = assess(cells, mask, source, settings.quality)
    tell("Classifying cells", 0.5)
    preprocessor = Preprocessor.fit(source, kit.head.preprocess) if kit.head else None
    with clock("classify"):
        embeddings, predictions = _classify(source, mask, cells, roles, kit, settings.classify, preprocessor)
        cells = add_predictions(cells, predictions)
    tell("Explaining cells", 0.85)
    with clock("explain"):
        explanations, regions = _explain_some(source, kit, settings, mask, cells)
    tell("Done", 1.0)
    return Analysis(
        name=name or source.info.name,
        info=source.info,
        digest=source.digest,
        roles=roles,
        mask=mask,
        cells=cells,
        confluency=confluency(mask),
        explanations=explanations,
        regions=regions,
        embeddings=embeddings,
        provenance=provenance(slide, source, kit, settings, clock.seconds)
        | {"encoder_angle_deg": preprocessor.angle_deg if preprocessor else 0.0},
    )


def find_cells(slide: Slide, segmenter: Segmenter, settings: AnalyseSettings) -> LabelMask:
    """Segment one image.

    Parameters
    ----------
    slide : Slide
    segmenter : Segmenter
    settings : AnalyseSettings

    Raises
    ------
    InputError
        When pixels are missing or infinite, or a diameter in um meets an image without a pixel size.
    BudgetError
        When the image is too large to be analysed in one piece.
    """
    slide, roles, um_per_px = describe(slide, settings)
    _check_size(slide)
    raw = slide.region()
    check_pixels(raw, slide.info.name)
    processed = Preprocessor.fit(slide, settings.preprocess).apply(raw)
    return segment(processed, roles, segmenter, settings.segment, um_per_px)


def explain_cells(
    slide: Slide,
    kit: Kit,
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
    kit : Kit
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
        When the kit has no head, or the head does not know the class.
    """
    from cellapp.explanation.cam import explain

    if kit.encoder is None or kit.head is None:
        raise ModelError("explaining needs a head; this run counted cells without classes: choose a head and run again")
    slide, roles, _ = describe(slide, settings)
    preprocessor = Preprocessor.fit(slide, kit.head.preprocess)
    crops = seen_crops(slide, mask, cells, roles, kit, preprocessor)
    pixels = encoder_input(crops, roles, kit.encoder.input_px)
    goal = target or settings.explain.target
    return explain(
        kit.encoder, kit.head, pixels, cells.index.to_numpy(np.int32), target=goal, layer=settings.explain.layer
    )


class _Clock:
    """Seconds per step, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[step] = round(time.perf_counter() - start, 3)


def _check_size(slide: Slide) -> None:
    limit = app_settings().budget.max_analyse_pixels
    if slide.info.pixels > limit:
        _, height, width = slide.info.shape
        raise BudgetError(
            f"{slide.info.name!r} has {width:,} x {height:,} pixels, more than the {limit:,} analysed in one piece: "
            "cut it, or raise CELLAPP_BUDGET__MAX_ANALYSE_PIXELS if the memory is there"
        )


def _classify(
    slide: Slide,
    mask: LabelMask,
    cells: pd.DataFrame,
    roles: Sequence[Role],
    kit: Kit,
    settings: ClassifySettings,
    preprocessor: Preprocessor | None,
) -> tuple[Embeddings | None, Predictions | None]:
    if kit.head is None or preprocessor is None:
        return None, None
    accepted = cells[cells["qc_pass"]]
    parts = []
    for start in range(0, max(len(accepted), 1), _BATCH):
        batch = accepted.iloc[start : start + _BATCH]
        crops = seen_crops(slide, mask, batch, roles, kit, preprocessor)
        pixels = encoder_input(crops, roles, kit.encoder.input_px)
        parts.append(kit.encoder.embed(pixels, batch.index.to_numpy(np.int32)))
    embeddings = join_embeddings(parts)
    return embeddings, predict(kit.head, embeddings, settings)


def _explain_some(
    slide: Slide, kit: Kit, settings: AnalyseSettings, mask: LabelMask, cells: pd.DataFrame
) -> tuple[Explanations | None, pd.DataFrame | None]:
    if settings.explain.n == 0 or kit.head is None:
        return None, None
    chosen = choose_cells(cells, settings.explain.n, kit.head.classes)
    explained = explain_cells(slide, kit, settings, mask, chosen)
    return explained, explain_regions(slide, kit, settings, mask, chosen, target=explained.target)
