"""Judge the outlines of one image by a second look at some of its cells, divided among the processes of an engine."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    if not context.settings.segment.second_look:
        return mask
    calibration: Calibration | None = getattr(context.segmenter, "calibration", None)
    if calibration is None:
        why = f"how often {mask.segmenter} is right was not measured on labelled images"
        return replace(mask, outlines=quality_of(mask.segmenter, None, why))
    tiled = has_tiles(context.slide.info, context.settings)
    evidence = _in_parts(context, mask, checkpoint, run_tasks) if tiled else _at_once(context, mask)
    expectation = calibration.expect(evidence) if evidence else None
    return replace(mask, outlines=quality_of(mask.segmenter, expectation, "there is no whole cell to look at again"))


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


def _in_parts(context: ImageContext, mask: LabelMask, checkpoint: Checkpoint, run_tasks: RunTasks) -> Evidence | None:
    fit = mask.fit or _fit_again(context, run_tasks)
    windows = windows_to_look_at(mask.labels, fit)
    looks = dict(run_tasks(LookAgain(context.preprocessor, fit, checkpoint), [*enumerate(windows)]))
    return evidence_of([looks[rank] for rank in range(len(windows))])


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
