"""What the present settings find in a region: flows kept for thresholds, cells kept for what only moves the picture."""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from cellapp.preview import PreviewFlows, preview_masks
from cellapp.settings import AnalyseSettings, ClassifySettings, ExplainSettings
from cellapp.store.records import ImageRecord
from cellapp.types import LabelMask, Region, Segmenter
from cellapp.ui import loaders, slow_preview
from cellapp.ui.region import judge


@dataclass(frozen=True, eq=False)
class Found:
    """The cells of a region under the present settings."""

    flows: PreviewFlows
    mask: LabelMask
    cells: pd.DataFrame  # judged; cells cut by the region's edge left out
    seconds_per_px: float | None  # what the segmenter took; None when the worker ran it
    answered_s: float  # from the change of a setting to these cells, kept parts not counted


def find(image: ImageRecord, region: Region, settings: AnalyseSettings) -> Found | None:
    """Segment the region; None while a slow segmenter has not been asked or still works."""
    network = loaders.segmenter(settings.segment.segmenter)
    asked_s = time.perf_counter()
    if network.fast:
        timed = loaders.flows(image, region, settings)
        flows, rate = timed.flows, timed.seconds / (region.height * region.width)
    else:
        flows, rate = slow_preview.flows(image, region, settings), None
    if flows is None:
        return None
    tried = settings.model_copy(update={"classify": ClassifySettings(), "explain": ExplainSettings()})
    key = (loaders.identity(image), region)
    mask, cells = _cells(key, tried.model_dump_json(), image, flows, network)
    return Found(flows, mask, cells, rate, time.perf_counter() - asked_s)


@st.cache_resource(max_entries=8, show_spinner=False)
def _cells(
    key: Hashable, settings: str, _image: ImageRecord, _flows: PreviewFlows, _network: Segmenter
) -> tuple[LabelMask, pd.DataFrame]:
    """Find and judge the cells; `key` says of which image, as it is known now, and of which region."""
    chosen = AnalyseSettings.model_validate_json(settings)
    mask = preview_masks(_flows, _network, chosen)
    return mask, judge(_flows, mask, chosen.quality, shape=_image.info.shape[1:], channels=_image.channels)
