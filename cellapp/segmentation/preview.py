"""What a segmenter finds in one region, quickly: the expensive half is kept, thresholds move the cheap one.

A fast segmenter runs where the preview is shown. A slow one runs in the worker, which leaves its flows in a file.
"""

from __future__ import annotations

import os
import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cellapp.cells.measure import measure
from cellapp.cells.quality import assess
from cellapp.config import app_settings
from cellapp.errors import InputError, StoreError
from cellapp.files import atomic_write
from cellapp.images.channels import describe_slide
from cellapp.images.preprocess import Preprocessor
from cellapp.segmentation.cellpose import CellposeFlows
from cellapp.segmentation.run_segmenter import run_flows
from cellapp.segmentation.slide_parameters import SlideParameters
from cellapp.segmentation.tiling.empty_tiles import is_empty
from cellapp.segmentation.tiling.paint import number_cells
from cellapp.settings import AnalyseSettings, QualitySettings
from cellapp.types.cells import LabelMask
from cellapp.types.image import Region, Slide
from cellapp.types.protocols import Segmenter

_KEPT = 16  # previews on disk; each may hold some hundred megabytes


@dataclass(frozen=True, eq=False)
class PreviewFlows:
    """The expensive half of a preview; moving a threshold reuses it."""

    region: Region
    raw: np.ndarray  # (C, Y, X) native dtype
    processed: np.ndarray  # (C, Y, X) float32, 0..1
    flows: Any  # of the segmenter; None where the region shows nothing that it would be asked about
    diameter_px: float


def preview_flows(
    slide: Slide,
    region: Region,
    segmenter: Segmenter,
    settings: AnalyseSettings,
    parameters: SlideParameters | None = None,
) -> PreviewFlows:
    """Do the expensive half of segmenting one region.

    Intensities are scaled by the statistics of the whole slide, so that the preview shows what a run will find.

    Parameters
    ----------
    slide : Slide
    region : Region
    segmenter : Segmenter
    settings : AnalyseSettings
    parameters : SlideParameters, optional
        What a run decides about the slide (`judge_once`): cells away from the region's edge are then
        those of the run. Diameter, polarity and thresholds are found in the region when left out.
    """
    slide, roles, um_per_px = describe_slide(slide, settings)
    raw = slide.region(region)
    preprocessor = parameters.preprocessor if parameters else Preprocessor.fit(slide, settings.preprocess)
    processed = preprocessor.read(slide, region)
    if parameters and is_empty(processed, parameters.fit.diameter_px, parameters.spans):
        return PreviewFlows(region, raw, processed, None, parameters.fit.diameter_px)
    fit = parameters.fit if parameters else None
    flows, fixed = run_flows(processed, roles, segmenter, settings.segment, um_per_px, fit=fit)
    return PreviewFlows(region, raw, processed, flows, fixed.diameter)


def preview_masks(flows: PreviewFlows, segmenter: Segmenter, settings: AnalyseSettings) -> LabelMask:
    """Turn kept flows into labels of the region, without running the network.

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
    shape : tuple of int
        (Y, X) of the full image.
    channels : tuple of str

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
    inner = [
        labels[0] if region.y > 0 else labels[:0].ravel(),
        labels[:, 0] if region.x > 0 else labels[:0].ravel(),
        labels[-1] if region.y + region.height < shape[0] else labels[:0].ravel(),
        labels[:, -1] if region.x + region.width < shape[1] else labels[:0].ravel(),
    ]
    ids = np.unique(np.concatenate(inner))
    return ids[ids != 0]


def save_preview(preview: PreviewFlows) -> str:
    """Keep the flows of a slow segmenter in a file under ``CELLAPP_HOME``; older ones are dropped.

    Parameters
    ----------
    preview : PreviewFlows
        Made by a segmenter of Cellpose's kind.

    Returns
    -------
    str
        Key for `load_preview`.

    Raises
    ------
    InputError
        When the flows are of another kind; those are cheap and need no keeping.
    """
    if not isinstance(preview.flows, CellposeFlows | None):
        raise InputError(f"only Cellpose flows are kept in files; got {type(preview.flows).__name__}: run it again")
    folder = _folder()
    key = uuid.uuid4().hex
    arrays = {
        "region": np.array([preview.region.y, preview.region.x, preview.region.height, preview.region.width]),
        "raw": preview.raw,
        "processed": preview.processed,
        "diameter_px": preview.diameter_px,
        **({} if preview.flows is None else {"flow": preview.flows.flow, "probability": preview.flows.probability}),
    }
    with atomic_write(folder / f"{key}.npz") as part:
        np.savez(part, **arrays)
    for old in sorted(folder.glob("*.npz"), key=os.path.getmtime)[:-_KEPT]:
        old.unlink(missing_ok=True)
    return key


def load_preview(key: str) -> PreviewFlows:
    """Read what `save_preview` kept.

    Raises
    ------
    StoreError
        When there is no such file; previews are dropped when newer ones come.
    """
    path = _folder() / f"{key}.npz"
    if not re.fullmatch(r"[0-9a-f]{32}", key) or not path.is_file():
        raise StoreError(f"no preview {key[:40]!r}; it was dropped for newer ones: preview the region again")
    with np.load(path, allow_pickle=False) as kept:
        diameter_px, region = float(kept["diameter_px"]), Region(*(int(value) for value in kept["region"]))
        flows = CellposeFlows(kept["flow"], kept["probability"], diameter_px) if "flow" in kept else None
        return PreviewFlows(region, kept["raw"], kept["processed"], flows, diameter_px)


def _folder() -> Path:
    return app_settings().home / "previews"
