"""Judge the outlines of one image by a second look at some of its cells, divided among the processes of an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from operator import itemgetter

from cellapp.images.preprocess import Preprocessor
from cellapp.pipeline.checkpoint import Checkpoint
from cellapp.pipeline.context import ImageContext, RunTasks
from cellapp.pipeline.measure_cells import measure_sizes
from cellapp.segmentation.reliability import Calibration, quality_of
from cellapp.segmentation.second_look import (
    Evidence,
    SecondLook,
    evidence_of,
    look_again,
    look_at,
    windows_to_look_at,
)
from cellapp.segmentation.slide_fit import SlideFit
from cellapp.segmentation.slide_parameters import fit_slide_parameters, has_tiles
from cellapp.types.cells import LabelMask
from cellapp.types.image import Region


def judge_outlines(context: ImageContext, mask: LabelMask, checkpoint: Checkpoint, run_tasks: RunTasks) -> LabelMask:
    """Return the mask with how far its outlines can be relied on; as it is where the settings do not ask.

    Parameters
    ----------
    context : ImageContext
    mask : LabelMask
        From `cellapp.pipeline.segment_slide.segment_slide` of that context; that of the checkpoint where the image has
        several tiles.
    checkpoint : Checkpoint
    run_tasks : callable
        See `RunTasks`.
    """
    return begin_judging(context, mask, checkpoint, run_tasks)()


def begin_judging(
    context: ImageContext, mask: LabelMask, checkpoint: Checkpoint, run_tasks: RunTasks
) -> Callable[[], LabelMask]:
    """Hand out what `judge_outlines` looks at and return what waits for it: other work can be done beside it."""
    if not context.settings.segment.second_look:
        return lambda: mask
    calibration: Calibration | None = getattr(context.segmenter, "calibration", None)
    if calibration is None:
        why = f"how often {mask.segmenter} is right was not measured on labelled images"
        return lambda: replace(mask, outlines=quality_of(mask.segmenter, None, why))
    tiled = has_tiles(context.slide.info, context.settings)
    looks = _hand_out(context, mask, checkpoint, run_tasks) if tiled else None

    def judged() -> LabelMask:
        evidence = _at_once(context, mask) if looks is None else _joined(looks)
        expectation = calibration.expect(evidence) if evidence else None
        words = "there is no whole cell to look at again"
        return replace(mask, outlines=quality_of(mask.segmenter, expectation, words))

    return judged


def _at_once(context: ImageContext, mask: LabelMask) -> Evidence | None:
    """Look again at an image of one tile, which is read once."""
    pixels, settings = context.preprocessor.read(context.slide), context.settings.segment
    return look_again(
        lambda region: pixels[(slice(None), *region.slices)],
        mask.labels,
        context.slide_roles,
        context.segmenter,
        settings,
        mask.fit or _fit_again(context),
    )


def _hand_out(
    context: ImageContext, mask: LabelMask, checkpoint: Checkpoint, run_tasks: RunTasks
) -> Iterable[tuple[int, SecondLook]]:
    fit = mask.fit or _fit_again(context, run_tasks)
    windows = windows_to_look_at(mask.labels, fit)
    return run_tasks(LookAgain(context.preprocessor, fit, checkpoint), [*enumerate(windows)])


def _joined(looks: Iterable[tuple[int, SecondLook]]) -> Evidence | None:
    return evidence_of([look for _, look in sorted(looks, key=itemgetter(0))])


@dataclass(frozen=True)
class LookAgain:
    """Task that looks at one window again; runs in any process."""

    preprocessor: Preprocessor
    fit: SlideFit
    checkpoint: Checkpoint

    def __call__(self, context: ImageContext, part: tuple[int, Region]) -> tuple[int, SecondLook]:
        """Look at a window, given with its rank, which comes back with what was seen."""
        rank, window = part
        pixels, labels = self.preprocessor.read(context.slide, window), self.checkpoint.labels()
        settings = context.settings.segment
        return rank, look_at(window, pixels, labels, context.slide_roles, context.segmenter, settings, self.fit)


def _fit_again(context: ImageContext, run_tasks: RunTasks | None = None) -> SlideFit:
    """Fit the parameters of a slide whose labels an earlier run left in the checkpoint."""
    return fit_slide_parameters(
        context.slide,
        context.slide_roles,
        context.segmenter,
        context.settings,
        context.um_per_px,
        context.preprocessor,
        measure_sizes(context, run_tasks) if run_tasks else (),
    ).fit
