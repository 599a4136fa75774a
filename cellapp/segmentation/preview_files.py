"""Previews by slow segmenters, made in the worker and kept in files for the page that asked."""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path

import numpy as np

from cellapp.config import app_settings
from cellapp.errors import InputError, StoreError
from cellapp.files import atomic_write
from cellapp.segmentation.cellpose import CellposeFlows
from cellapp.segmentation.preview import PreviewFlows, preview_flows
from cellapp.segmentation.slide_parameters import ensure_slide_parameters, has_tiles
from cellapp.settings import AnalyseSettings
from cellapp.types.image import Region, Slide
from cellapp.types.protocols import Segmenter

_MAX_STORED = 16  # previews on disk; each may hold some hundred megabytes
_MAPS = ("flow", "probability", "bright")


def run_preview(slide: Slide, region: Region, segmenter: Segmenter, settings: AnalyseSettings) -> str:
    """Run a slow segmenter on one region as a run does, and store the flows.

    Parameters
    ----------
    slide, region, settings
        As `preview_flows`.
    segmenter : Segmenter
        Of Cellpose's kind.

    Returns
    -------
    str
        Key for `load_preview`.
    """
    parameters = ensure_slide_parameters(slide, segmenter, settings) if has_tiles(slide.info, settings) else None
    return save_preview(preview_flows(slide, region, segmenter, settings, parameters))


def save_preview(preview: PreviewFlows) -> str:
    """Store the flows of a slow segmenter in a file under ``CELLAPP_HOME``; the oldest files are deleted.

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
        When the flows are of another kind; those are cheap to compute again.
    """
    if not isinstance(preview.flows, CellposeFlows | None):
        raise InputError(f"only Cellpose flows are kept in files; got {type(preview.flows).__name__}: run it again")
    folder = _folder()
    key = uuid.uuid4().hex
    flows = preview.flows
    maps = {} if flows is None else {name: getattr(flows, name) for name in _MAPS if getattr(flows, name) is not None}
    width_px = flows.width_px if flows else None
    arrays = {
        "region": np.array([preview.region.y, preview.region.x, preview.region.height, preview.region.width]),
        "raw": preview.raw,
        "processed": preview.processed,
        "diameter_px": preview.diameter_px,
        "width_px": width_px or 0,
        **maps,
    }
    with atomic_write(folder / f"{key}.npz") as part:
        np.savez(part, **arrays)
    for old in sorted(folder.glob("*.npz"), key=os.path.getmtime)[:-_MAX_STORED]:
        old.unlink(missing_ok=True)
    return key


def load_preview(key: str) -> PreviewFlows:
    """Read what `save_preview` stored.

    Raises
    ------
    StoreError
        When there is no such file; the oldest previews are deleted when newer ones are stored.
    """
    path = _folder() / f"{key}.npz"
    if not re.fullmatch(r"[0-9a-f]{32}", key) or not path.is_file():
        raise StoreError(f"no preview {key[:40]!r}; it was dropped for newer ones: preview the region again")
    with np.load(path, allow_pickle=False) as arrays:
        diameter_px, region = float(arrays["diameter_px"]), Region(*(int(value) for value in arrays["region"]))
        maps, width_px = {name: arrays[name] for name in _MAPS if name in arrays}, float(arrays.get("width_px", 0))
        flows = CellposeFlows(**maps, diameter_px=diameter_px, width_px=width_px or None) if maps else None
        return PreviewFlows(region, arrays["raw"], arrays["processed"], flows, diameter_px)


def _folder() -> Path:
    return app_settings().home / "previews"
