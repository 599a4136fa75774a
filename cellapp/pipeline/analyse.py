"""The only place that knows the order of the steps: segment, measure, check, classify, explain.

Shells (pages, command line, API, worker) call these functions and nothing below them, so that all of them give the same
cells. Pixels go through two chains: the run's own for segmentation, and the one a head was trained with for everything
the head and its explanation see. Measurements and crops for download use raw pixels.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pandas as pd

from cellapp.cells.describe_cells import describe_cells
from cellapp.cells.quality import assess
from cellapp.classification.cell_columns import add_predictions, choose_cells
from cellapp.classification.predict import predict
from cellapp.models.bundle import RunModels, load_run_models
from cellapp.pipeline.checkpoint import Checkpoint, temporary_checkpoint
from cellapp.pipeline.context import ImageContext, RunTasks, make_context, run_serially
from cellapp.pipeline.embed_cells import embed_cells
from cellapp.pipeline.explain_cells import explain_cells
from cellapp.pipeline.find_nuclei import find_nuclei
from cellapp.pipeline.judge_outlines import judge_outlines
from cellapp.pipeline.limits import limited, share_covered
from cellapp.pipeline.measure_cells import measure_cells
from cellapp.pipeline.progress import no_progress
from cellapp.pipeline.provenance import provenance
from cellapp.pipeline.segment_slide import segment_slide
from cellapp.settings import AnalyseSettings
from cellapp.types.cells import Analysis, Embeddings, Explanations, LabelMask, Predictions
from cellapp.types.drawn_regions import DrawnRegions
from cellapp.types.image import OnStep, Slide


def analyse(
    slide: Slide,
    models: RunModels | None = None,
    settings: AnalyseSettings | None = None,
    on_step: OnStep | None = None,
    *,
    name: str | None = None,
    target: Slide | None = None,
    labels: LabelMask | None = None,
    regions: DrawnRegions | None = None,
    checkpoint: Checkpoint | None = None,
    run_tasks: RunTasks | None = None,
) -> Analysis:
    """Run every step on one image.

    Parameters
    ----------
    slide : Slide
        Image to segment (the reference, where a `target` is given).
    models : RunModels, optional
        Loaded here as the settings name them when left out.
    settings : AnalyseSettings, optional
        The defaults when left out.
    on_step : callable, optional
        Progress; may raise `Cancelled`.
    name : str, optional
        File stem of the result; the image's own name when left out.
    target : Slide, optional
        Image of the same size from which cells are measured, cut and classified.
    labels : LabelMask, optional
        The cells, where they are known: nothing is segmented then, and their ids stay.
    regions : DrawnRegions, optional
        Cells whose centre lies elsewhere are left out, see `cellapp.segmentation.limit`.
    checkpoint : Checkpoint, optional
        Keeps finished parts of an image of several tiles; a temporary folder when left out.
    run_tasks : callable, optional
        Does those parts, see `RunTasks`; this process, one after the other, when left out.

    Returns
    -------
    Analysis
        Labels of an image of several tiles are mapped from a file of `checkpoint`.

    Raises
    ------
    InputError
        When the pixels or the channels cannot be used.
    ModelError
        When a model has to be loaded and cannot be had.
    """
    on_step, settings = on_step or no_progress, settings or AnalyseSettings()
    models = models or load_run_models(settings)
    context, clock = make_context(slide, target, models, settings, regions), _Clock()
    source, run_tasks = context.source, run_tasks or run_serially(context)
    with nullcontext(checkpoint) if checkpoint else temporary_checkpoint() as checkpoint:
        with clock("segment"):
            mask = limited(context, labels) if labels else _segment(context, checkpoint, run_tasks, on_step)
        with clock("second_look"):
            mask = mask if labels else judge_outlines(context, mask)
        on_step("Measuring cells", 0.55)
        with clock("measure"):
            cells = measure_cells(context, mask, checkpoint, run_tasks)
            cells = assess(cells, mask, source, settings.quality)
            cells, nuclei = _describe(context, mask, cells)
        on_step("Classifying cells", 0.6)
        with clock("classify"):
            embeddings, predictions = _classify(context, mask, cells, checkpoint, run_tasks, on_step)
            cells = add_predictions(cells, predictions)
    on_step("Explaining cells", 0.9)
    with clock("explain"):
        explanations, compartments, nuclei = _explain(context, mask, cells, nuclei)
    on_step("Done", 1.0)
    return Analysis(
        name=name or source.info.name,
        info=source.info,
        digest=source.digest,
        roles=context.roles,
        mask=mask,
        cells=cells,
        confluency=share_covered(context, mask),
        explanations=explanations,
        compartments=compartments,
        nuclei=nuclei,
        embeddings=embeddings,
        provenance=provenance(context, clock.seconds, labels),
        regions=context.regions,
    )


def _segment(context: ImageContext, checkpoint: Checkpoint, run_tasks: RunTasks, on_step: OnStep) -> LabelMask:
    return segment_slide(context, checkpoint, run_tasks, on_step, (0.02, 0.54))


class _Clock:
    """Seconds per step, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[step] = round(time.perf_counter() - start, 3)


def _classify(
    context: ImageContext,
    mask: LabelMask,
    cells: pd.DataFrame,
    checkpoint: Checkpoint,
    run_tasks: RunTasks,
    on_step: OnStep,
) -> tuple[Embeddings | None, Predictions | None]:
    """Embed and classify the cells that passed the quality check; nothing without a head."""
    head = context.models.head
    if head is None:
        return None, None
    accepted = cells[cells["qc_pass"]]
    embeddings = embed_cells(context, mask, accepted, checkpoint, run_tasks, on_step=on_step, span=(0.6, 0.9))
    return embeddings, predict(head, embeddings, context.settings.classify)


def _describe(context: ImageContext, mask: LabelMask, cells: pd.DataFrame) -> tuple[pd.DataFrame, LabelMask | None]:
    """Add descriptors of cytoskeleton and nucleus where the settings ask for them, and return the nuclei found."""
    if not context.settings.describe:
        return cells, None
    nuclei, source = find_nuclei(context, mask), context.source
    return cells.join(describe_cells(source, mask, cells, channels=source.info.channels, nuclei=nuclei)), nuclei


def _explain(
    context: ImageContext, mask: LabelMask, cells: pd.DataFrame, nuclei: LabelMask | None
) -> tuple[Explanations | None, pd.DataFrame | None, LabelMask | None]:
    """Explain as many cells as the settings ask for; none where the head makes no maps, which provenance states."""
    head, n = context.models.head, context.settings.explain.n
    if n == 0 or head is None or head.only_on_slides:
        return None, None, nuclei
    nuclei = nuclei or find_nuclei(context, mask)
    return *explain_cells(context, mask, choose_cells(cells, n, head.classes), nuclei=nuclei), nuclei
