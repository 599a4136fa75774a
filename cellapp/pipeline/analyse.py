"""The only place that knows the order of the steps: segment, measure, judge, classify, explain.

Shells (pages, command line, API, worker) call these functions and nothing below them, so that all of them give the same
cells. Pixels go through two chains: the run's own for segmentation, and the one a head was trained with for everything
the head and its explanation see. Measurements and crops for download use raw pixels.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pandas as pd

from cellapp.cells.measure import measure
from cellapp.cells.quality import assess
from cellapp.classification.cell_columns import add_predictions, choose_cells
from cellapp.classification.predict import predict
from cellapp.images.preprocess import Preprocessor
from cellapp.models.bundle import Kit
from cellapp.pipeline.checkpoint import WorkFolder, scratch_work
from cellapp.pipeline.context import Bench, Spread, in_turn, lay_out
from cellapp.pipeline.embed_cells import embed_cells
from cellapp.pipeline.explain_cells import explain_cells, explain_regions
from cellapp.pipeline.progress import no_progress
from cellapp.pipeline.provenance import provenance
from cellapp.pipeline.segment_slide import find_mask
from cellapp.segmentation.confluency import confluency
from cellapp.settings import AnalyseSettings
from cellapp.types.cells import Analysis, Embeddings, Explanations, LabelMask, Predictions
from cellapp.types.image import OnStep, Slide


def analyse(
    slide: Slide,
    kit: Kit,
    settings: AnalyseSettings,
    on_step: OnStep | None = None,
    *,
    name: str | None = None,
    target: Slide | None = None,
    work: WorkFolder | None = None,
    spread: Spread | None = None,
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
    work : WorkFolder, optional
        Where finished parts of an image of several tiles wait; a folder that is thrown away when left out.
    spread : callable, optional
        Who does those parts; this process, one after the other, when left out.

    Returns
    -------
    Analysis
        Labels of an image of several tiles are mapped from a file of `work`.

    Raises
    ------
    InputError
        When the pixels or the channels cannot be used.
    """
    tell = on_step or no_progress
    bench, clock = lay_out(slide, target, kit, settings), _Clock()
    source = bench.source
    with nullcontext(work) if work else scratch_work() as folder:
        hand_out = spread or in_turn(bench)
        with clock("segment"):
            mask = find_mask(bench, folder, hand_out, tell, (0.02, 0.55))
        tell("Measuring cells", 0.55)
        with clock("measure"):
            cells = measure(source, mask, channels=source.info.channels, um_per_px=bench.um_per_px)
            cells = assess(cells, mask, source, settings.quality)
        tell("Classifying cells", 0.6)
        preprocessor = Preprocessor.fit(source, kit.head.preprocess) if kit.head else None
        with clock("classify"):
            embeddings, predictions = _classify(bench, mask, cells, preprocessor, folder, hand_out, tell)
            cells = add_predictions(cells, predictions)
    tell("Explaining cells", 0.9)
    with clock("explain"):
        explanations, regions = _explain_some(source, kit, settings, mask, cells)
    tell("Done", 1.0)
    return Analysis(
        name=name or source.info.name,
        info=source.info,
        digest=source.digest,
        roles=bench.roles,
        mask=mask,
        cells=cells,
        confluency=confluency(mask),
        explanations=explanations,
        regions=regions,
        embeddings=embeddings,
        provenance=provenance(bench.slide, source, kit, settings, clock.seconds)
        | {"encoder_angle_deg": preprocessor.angle_deg if preprocessor else 0.0},
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


def _classify(
    bench: Bench,
    mask: LabelMask,
    cells: pd.DataFrame,
    preprocessor: Preprocessor | None,
    work: WorkFolder,
    spread: Spread,
    tell: OnStep,
) -> tuple[Embeddings | None, Predictions | None]:
    head = bench.kit.head
    if head is None or preprocessor is None:
        return None, None
    accepted = cells[cells["qc_pass"]]
    embeddings = embed_cells(bench, mask, accepted, preprocessor, work, spread, tell=tell, span=(0.6, 0.9))
    return embeddings, predict(head, embeddings, bench.settings.classify)


def _explain_some(
    slide: Slide, kit: Kit, settings: AnalyseSettings, mask: LabelMask, cells: pd.DataFrame
) -> tuple[Explanations | None, pd.DataFrame | None]:
    if settings.explain.n == 0 or kit.head is None or kit.head.only_on_slides:  # provenance says so
        return None, None
    chosen = choose_cells(cells, settings.explain.n, kit.head.classes)
    explained = explain_cells(slide, kit, settings, mask, chosen)
    return explained, explain_regions(slide, kit, settings, mask, chosen, target=explained.target)
