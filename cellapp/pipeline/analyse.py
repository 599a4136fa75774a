"""The only place that knows the order of the steps: segment, measure, check, classify, explain.

Shells (pages, command line, API, worker) call these functions and nothing below them, so that all of them give the same
cells. Pixels go through two chains: the run's own for segmentation, and the one a head was trained with for everything
the head and its explanation see. Measurements and crops for download use raw pixels.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

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
from cellapp.pipeline.judge_outlines import begin_judging
from cellapp.pipeline.limits import limited, share_covered
from cellapp.pipeline.measure_cells import measure_cells
from cellapp.pipeline.progress import no_progress
from cellapp.pipeline.provenance import provenance
from cellapp.pipeline.segment_slide import segment_slide
from cellapp.settings import AnalyseSettings
from cellapp.types.cells import Analysis, Embeddings, Explanations, LabelMask
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
    context = make_context(slide, target, models, settings, regions)
    with nullcontext(checkpoint) if checkpoint else temporary_checkpoint() as checkpoint:
        steps = _Steps(context, checkpoint, run_tasks or run_serially(context), on_step)
        mask, judge = steps.find_cells(labels)
        cells, nuclei = steps.measure(mask)
        mask = steps.judged(judge)
        cells, embeddings = steps.classify(mask, cells)
    explanations, compartments, nuclei = steps.explain(mask, cells, nuclei)
    on_step("Done", 1.0)
    return Analysis(
        name=name or context.source.info.name,
        info=context.source.info,
        digest=context.source.digest,
        roles=context.roles,
        mask=mask,
        cells=cells,
        confluency=share_covered(context, mask),
        explanations=explanations,
        compartments=compartments,
        nuclei=nuclei,
        embeddings=embeddings,
        provenance=provenance(context, steps.seconds, labels),
        regions=context.regions,
    )


@dataclass(frozen=True, eq=False)
class _Steps:
    """The steps of one image, each timed."""

    context: ImageContext
    checkpoint: Checkpoint
    run_tasks: RunTasks
    on_step: OnStep
    seconds: dict[str, float] = field(default_factory=dict)  # by the name of the step

    def find_cells(self, labels: LabelMask | None) -> tuple[LabelMask, Callable[[], LabelMask]]:
        """Segment, and begin to judge the outlines; given labels are taken as they are."""
        with self._timed("segment"):
            if labels:
                mask = limited(self.context, labels)
            else:
                mask = segment_slide(self.context, self.checkpoint, self.run_tasks, self.on_step, (0.02, 0.54))
        with self._timed("second_look"):
            if labels:
                return mask, lambda: mask
            return mask, begin_judging(self.context, mask, self.checkpoint, self.run_tasks)

    def judged(self, judge: Callable[[], LabelMask]) -> LabelMask:
        """Wait for the judgement of the outlines, which others made while cells were measured."""
        with self._timed("second_look"):
            return judge()

    def measure(self, mask: LabelMask) -> tuple[pd.DataFrame, LabelMask | None]:
        """Return the cell table and, where descriptors of the nucleus are asked for, the nuclei found."""
        self.on_step("Measuring cells", 0.55)
        source, settings = self.context.source, self.context.settings
        with self._timed("measure"):
            cells = measure_cells(self.context, mask, self.checkpoint, self.run_tasks)
            cells = assess(cells, mask, source, settings.quality)
            if not settings.describe:
                return cells, None
            nuclei = find_nuclei(self.context, mask)
            described = describe_cells(source, mask, cells, channels=source.info.channels, nuclei=nuclei)
            return cells.join(described), nuclei

    def classify(self, mask: LabelMask, cells: pd.DataFrame) -> tuple[pd.DataFrame, Embeddings | None]:
        """Embed and classify the cells that passed the quality check; without a head none has a class."""
        self.on_step("Classifying cells", 0.6)
        with self._timed("classify"):
            head, embeddings, predictions = self.context.models.head, None, None
            if head is not None:
                embeddings = self._embed(mask, cells[cells["qc_pass"]])
                predictions = predict(head, embeddings, self.context.settings.classify)
            return add_predictions(cells, predictions), embeddings

    def explain(
        self, mask: LabelMask, cells: pd.DataFrame, nuclei: LabelMask | None
    ) -> tuple[Explanations | None, pd.DataFrame | None, LabelMask | None]:
        """Explain as many cells as the settings ask for; none where the head makes no maps, which provenance states."""
        self.on_step("Explaining cells", 0.9)
        head, n = self.context.models.head, self.context.settings.explain.n
        with self._timed("explain"):
            if n == 0 or head is None or head.only_on_slides:
                return None, None, nuclei
            nuclei = nuclei or find_nuclei(self.context, mask)
            chosen = choose_cells(cells, n, head.classes)
            return *explain_cells(self.context, mask, chosen, nuclei=nuclei), nuclei

    def _embed(self, mask: LabelMask, cells: pd.DataFrame) -> Embeddings:
        how = {"on_step": self.on_step, "span": (0.6, 0.9)}
        return embed_cells(self.context, mask, cells, self.checkpoint, self.run_tasks, **how)

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[step] = round(self.seconds.get(step, 0.0) + time.perf_counter() - start, 3)
