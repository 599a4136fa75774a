"""Preview of a region: what a run finds there, computed in two steps so that thresholds move without the network.

`preview_flows` runs the segmenter on a region of a slide, `preview_masks` applies thresholds to its flows. A fast
segmenter runs in the process that shows the preview; a slow one in the worker, and its flows are kept by
`cellapp.segmentation.preview_files`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cellapp.cells.measure import measure
from cellapp.cells.quality import assess
from cellapp.images.channels import describe_slide
from cellapp.images.preprocess import Preprocessor
from cellapp.segmentation.network_choice import segmenter_for, why_other
from cellapp.segmentation.run_segmenter import run_flows
from cellapp.segmentation.slide_parameters import SlideParameters
from cellapp.segmentation.tiling.candidates import inner_edge_labels
from cellapp.segmentation.tiling.empty_tiles import is_empty
from cellapp.segmentation.tiling.paint import number_cells
from cellapp.settings import OF_MASKS, AnalyseSettings, QualitySettings, SegmentSettings
from cellapp.types.cells import LabelMask
from cellapp.types.image import Region, Slide
from cellapp.types.protocols import Segmenter


@dataclass(frozen=True, eq=False)
class PreviewFlows:
    """Result of a segmenter on a region before thresholds are applied."""

    region: Region
    raw: np.ndarray  # (C, Y, X) native dtype
    processed: np.ndarray  # (C, Y, X) float32, 0..1
    flows: Any  # of the segmenter; None where the region is empty and a run would not segment it
    diameter_px: float
    picked: str = ""  # which network the segmenter picked for the slide, in a sentence; empty for its first


def flow_settings(settings: AnalyseSettings) -> AnalyseSettings:
    """Return `settings` with everything at its default that flows do not depend on: what previews are cached by."""
    segment = settings.segment.model_dump(exclude={*OF_MASKS, "second_look"})
    return AnalyseSettings(
        channels=settings.channels,
        um_per_px=settings.um_per_px,
        preprocess=settings.preprocess,
        segment=SegmentSettings.model_validate(segment),
    )


def preview_flows(
    slide: Slide,
    region: Region,
    segmenter: Segmenter,
    settings: AnalyseSettings,
    parameters: SlideParameters | None = None,
) -> PreviewFlows:
    """Run the segmenter on one region.

    Intensities are scaled by the statistics of the whole slide, so that the preview shows what a run will find.

    Parameters
    ----------
    slide : Slide
    region, segmenter, settings
        Of the run.
    parameters : SlideParameters, optional
        Of `ensure_slide_parameters`: cells away from the region's edge are then those of the run. Diameter, polarity
        and thresholds are found in the region when left out.
    """
    slide, roles, um_per_px = describe_slide(slide, settings)
    chosen = segmenter_for(segmenter, slide, roles)
    picked = why_other(segmenter, chosen)
    raw = slide.region(region)
    preprocessor = parameters.preprocessor if parameters else Preprocessor.fit(slide, settings.preprocess)
    processed = preprocessor.read(slide, region)
    if parameters and is_empty(processed, parameters.fit.diameter_px, parameters.spans):
        return PreviewFlows(region, raw, processed, None, parameters.fit.diameter_px, picked)
    fit = parameters.fit if parameters else None
    flows, fixed = run_flows(processed, roles, chosen, settings.segment, um_per_px, fit=fit)
    return PreviewFlows(region, raw, processed, flows, fixed.diameter, picked)


def preview_masks(flows: PreviewFlows, segmenter: Segmenter, settings: AnalyseSettings) -> LabelMask:
    """Turn flows into labels of the region, without running the network.

    Parameters
    ----------
    flows : PreviewFlows
    segmenter : Segmenter
    settings : AnalyseSettings
        Only thresholds may differ from those `flows` were made with.
    """
    if flows.flows is None:
        return LabelMask(np.zeros(flows.processed.shape[1:], np.int32), segmenter.name)
    fixed = settings.segment.model_copy(update={"diameter": flows.diameter_px, "diameter_unit": "px"})
    labels = np.ascontiguousarray(segmenter.masks(flows.flows, fixed), dtype=np.int32)
    number_cells(labels)
    return LabelMask(labels, segmenter.name)


def preview_cells(
    flows: PreviewFlows, mask: LabelMask, quality: QualitySettings, *, shape: tuple[int, int], channels: tuple[str, ...]
) -> pd.DataFrame:
    """Measure the cells of a region and mark those that a run would reject.

    Cells cut by an edge of the region that is not an edge of the image are left out: half a cell is measured wrongly,
    and a run will see it whole.

    Parameters
    ----------
    flows : PreviewFlows
        With the raw pixels of the region.
    mask : LabelMask
        Of the region.
    quality : QualitySettings
    channels : tuple of str
    shape : tuple of int
        (Y, X) of the full image.

    Returns
    -------
    DataFrame
        Cell table in pixels of the region, see `cellapp.cells.quality.assess`.
    """
    cells = measure(lambda box: flows.raw[(slice(None), *box.slices)], mask, channels=channels)
    whole = cells[~cells.index.isin(cut_cells(mask.labels, flows.region, shape))]
    return assess(whole, mask, flows.raw, quality)  # what still touches the region's edge touches the image's


def cut_cells(labels: np.ndarray, region: Region, shape: tuple[int, int]) -> np.ndarray:
    """Return the ids of cells that an inner edge of the region cuts, (N,) integer.

    Parameters
    ----------
    labels : ndarray of shape (Y, X)
        Of the region.
    region : Region
    shape : tuple of int
        (Y, X) of the full image.
    """
    return np.setdiff1d(inner_edge_labels(labels, region, shape), 0)
