"""What the present settings find in a region: flows kept for thresholds, cells kept for what only moves the picture."""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from cellapp.errors import InputError
from cellapp.judging import Judgement, has_tiles, recall
from cellapp.preview import PreviewFlows, preview_masks
from cellapp.settings import AnalyseSettings, ClassifySettings, ExplainSettings
from cellapp.store.records import ImageRecord, JobRecord, Status
from cellapp.store.slides import lacks_pyramid
from cellapp.types import LabelMask, Region, Segmenter
from cellapp.ui import loaders, slow_preview
from cellapp.ui.jobs_panel import wait_for
from cellapp.ui.region import judge
from cellapp.viewing.prepare import ask_for_judgement


@dataclass(frozen=True, eq=False)
class Found:
    """The cells of a region under the present settings."""

    flows: PreviewFlows
    mask: LabelMask
    cells: pd.DataFrame  # judged; cells cut by the region's edge left out
    seconds_per_px: float | None  # what the segmenter took; None when the worker ran it
    answered_s: float  # from the change of a setting to these cells, kept parts not counted
    judging: JobRecord | None = None  # the worker looks at the slide, and decides otherwise than the region perhaps


def find(image: ImageRecord, region: Region, settings: AnalyseSettings) -> Found | None:
    """Segment the region as a run does; None while a slow segmenter has not been asked or the worker is waited for.

    What a run decides on a slide of several tiles the worker decides once; until then a region decides for itself.
    """
    network = loaders.segmenter(settings.segment.segmenter)
    asked_s, judging = time.perf_counter(), None
    if network.fast:
        judged, judging = _judged(image, settings, network)
        if judging is not None and lacks_pyramid(image):  # even the range of its pixels takes too long to find here
            wait_for(judging)
            return None
        timed = loaders.flows(image, region, settings, judged)
        flows, rate = timed.flows, timed.seconds / (region.height * region.width)
    else:
        flows, rate = slow_preview.flows(image, region, settings), None
    if flows is None:
        return None
    tried = settings.model_copy(update={"classify": ClassifySettings(), "explain": ExplainSettings()})
    key = (loaders.identity(image), region, judging is None)
    mask, cells = _cells(key, tried.model_dump_json(), image, flows, network)
    return Found(flows, mask, cells, rate, time.perf_counter() - asked_s, judging)


def _judged(
    image: ImageRecord, settings: AnalyseSettings, network: Segmenter
) -> tuple[Judgement | None, JobRecord | None]:
    """Return what a run decides on the slide, or the job that does; neither where the image is one tile.

    Raises
    ------
    InputError
        When the slide cannot be judged, and so not be analysed.
    """
    if not has_tiles(image.info, settings):
        return None, None
    chosen = loaders.flow_settings(settings)
    judged = recall(loaders.slide(image), network, chosen)
    job = None if judged else ask_for_judgement(image, chosen.model_dump(mode="json"))
    if job is not None and job.status is Status.FAILED:
        raise InputError(job.error or "the slide could not be looked at; the worker's log says why")
    return judged, job


@st.cache_resource(max_entries=8, show_spinner=False)
def _cells(
    key: Hashable, settings: str, _image: ImageRecord, _flows: PreviewFlows, _network: Segmenter
) -> tuple[LabelMask, pd.DataFrame]:
    """Find and judge the cells; `key` says of which image, as it is known now, and of which region."""
    chosen = AnalyseSettings.model_validate_json(settings)
    mask = preview_masks(_flows, _network, chosen)
    return mask, judge(_flows, mask, chosen.quality, shape=_image.info.shape[1:], channels=_image.channels)
