"""What a segmenter finds in one region, quickly: the expensive half is kept, thresholds move the cheap one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cellapp.images.preprocess import Preprocessor
from cellapp.images.read import check_pixels
from cellapp.pipeline import describe
from cellapp.segmentation.segment import resolve_diameter
from cellapp.settings import AnalyseSettings
from cellapp.types import LabelMask, Region, Segmenter, Slide


@dataclass(frozen=True, eq=False)
class PreviewFlows:
    """The expensive half of a preview; moving a threshold reuses it."""

    region: Region
    raw: np.ndarray  # (C, Y, X) native dtype
    processed: np.ndarray  # (C, Y, X) float32, 0..1
    flows: Any
    diameter_px: float


def preview_flows(slide: Slide, region: Region, segmenter: Segmenter, settings: AnalyseSettings) -> PreviewFlows:
    """Do the expensive half of segmenting one region.

    Intensities are scaled by the statistics of the whole slide, so that the preview shows what a run will find.

    Parameters
    ----------
    slide : Slide
    region : Region
    segmenter : Segmenter
    settings : AnalyseSettings
    """
    slide, roles, um_per_px = describe(slide, settings)
    raw = slide.region(region)
    check_pixels(raw, slide.info.name)
    processed = Preprocessor.fit(slide, settings.preprocess).apply(raw)
    diameter_px = resolve_diameter(settings.segment, um_per_px, processed, roles)
    fixed = settings.segment.model_copy(update={"diameter": diameter_px, "diameter_unit": "px"})
    return PreviewFlows(region, raw, processed, segmenter.flows(processed, roles, fixed), diameter_px)


def preview_masks(flows: PreviewFlows, segmenter: Segmenter, settings: AnalyseSettings) -> LabelMask:
    """Turn kept flows into labels of the region, without running the network.

    Parameters
    ----------
    flows : PreviewFlows
    segmenter : Segmenter
    settings : AnalyseSettings
        Only thresholds may differ from those `flows` were made with.
    """
    fixed = settings.segment.model_copy(update={"diameter": flows.diameter_px, "diameter_unit": "px"})
    return LabelMask(segmenter.masks(flows.flows, fixed), segmenter.name)
