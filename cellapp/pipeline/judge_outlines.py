"""Judge the outlines of one image by a second look at some of its cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from cellapp.pipeline.context import ImageContext
from cellapp.segmentation.reliability import Calibration, quality_of
from cellapp.segmentation.second_look import look_again
from cellapp.segmentation.slide_fit import SlideFit
from cellapp.segmentation.slide_parameters import fit_slide_parameters, has_tiles
from cellapp.types.cells import LabelMask
from cellapp.types.image import Region


def judge_outlines(context: ImageContext, mask: LabelMask) -> LabelMask:
    """Return the mask with how far its outlines can be relied on; as it is where the settings do not ask.

    Parameters
    ----------
    context : ImageContext
    mask : LabelMask
        From `cellapp.pipeline.segment_slide.segment_slide` of that context.
    """
    if not context.settings.segment.second_look:
        return mask
    calibration: Calibration | None = getattr(context.segmenter, "calibration", None)
    if calibration is None:
        why = f"how often {mask.segmenter} is right was not measured on labelled images"
        return replace(mask, outlines=quality_of(mask.segmenter, None, why))
    evidence = look_again(
        _reader(context),
        mask.labels,
        context.slide_roles,
        context.segmenter,
        context.settings.segment,
        mask.fit or _fit_again(context),
    )
    expectation = calibration.expect(evidence) if evidence else None
    return replace(mask, outlines=quality_of(mask.segmenter, expectation, "there is no whole cell to look at again"))


def _reader(context: ImageContext) -> Callable[[Region], np.ndarray]:
    """Return what gives the processed pixels of a region; an image of one tile is read once."""
    if has_tiles(context.slide.info, context.settings):
        return lambda region: context.preprocessor.read(context.slide, region)
    pixels = context.preprocessor.read(context.slide)
    return lambda region: pixels[(slice(None), *region.slices)]


def _fit_again(context: ImageContext) -> SlideFit:
    """Fit the parameters of a slide whose labels an earlier run left in the checkpoint."""
    return fit_slide_parameters(
        context.slide,
        context.slide_roles,
        context.segmenter,
        context.settings,
        context.um_per_px,
        context.preprocessor,
    ).fit
