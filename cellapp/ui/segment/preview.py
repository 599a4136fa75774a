"""The cells that the settings in force give in one region of an image.

A fast segmenter runs here, a slow one in the worker. Flows, the expensive half, are cached while thresholds move, and
cells while only their display changes.
"""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from cellapp.config import app_settings
from cellapp.errors import InputError, ModelError
from cellapp.jobs import queue, worker_process
from cellapp.jobs.requests import request_slide_parameters
from cellapp.models.load import load_model
from cellapp.segmentation.preview import (
    PreviewFlows,
    flow_settings,
    preview_cells,
    preview_flows,
    preview_masks,
)
from cellapp.segmentation.preview_files import load_preview
from cellapp.segmentation.slide_parameters import SlideParameters, has_tiles, load_slide_parameters
from cellapp.settings import AnalyseSettings, ClassifySettings, ExplainSettings
from cellapp.store.open_image import lacks_pyramid, open_slide, open_view
from cellapp.store.records import ImageRecord, JobRecord, Status
from cellapp.types.cells import LabelMask
from cellapp.types.image import Region
from cellapp.types.protocols import Segmenter
from cellapp.ui.components.job_progress import wait_for
from cellapp.ui.components.messages import show_error
from cellapp.ui.session import cache
from cellapp.ui.session.cache import Identity


@dataclass(frozen=True, eq=False)
class RegionPreview:
    """The cells of a region under the settings in force."""

    flows: PreviewFlows
    mask: LabelMask
    cells: pd.DataFrame  # measured, with the outcome of the quality rules; cells cut by the region's edge left out
    seconds: float  # from the change of a setting to these cells, cached parts not counted
    seconds_per_px: float | None  # of the segmenter; None when the worker ran it
    slide_job: JobRecord | None = None  # finds the slide's parameters; the region goes by its own until that is done


def preview_region(image: ImageRecord, region: Region, settings: AnalyseSettings) -> RegionPreview | None:
    """Segment a region as a run would.

    On a slide of several tiles a run goes by parameters of the whole slide, which the worker finds once; until then the
    region's own are used.

    Returns
    -------
    RegionPreview or None
        None while the visitor has not asked for a slow segmenter or the worker has not answered; the page then shows
        how to ask, or the progress.
    """
    start_s, slide_job = time.perf_counter(), None
    segmenter = _segmenter(settings.segment.segmenter, app_settings().device, app_settings().dtype)
    if segmenter.fast:
        parameters, slide_job = _slide_parameters(image, settings, segmenter)
        if slide_job is not None and lacks_pyramid(image):  # even the range of its pixels takes too long to find here
            wait_for(slide_job)
            return None
        chosen = flow_settings(settings).model_dump_json()
        flows, rate = _flows(
            image.id, cache.identity(image), region, chosen, parameters is not None, parameters, segmenter
        )
    else:
        flows, rate = _flows_by_worker(image, region, settings), None
    if flows is None:
        return None
    shown = settings.model_copy(update={"classify": ClassifySettings(), "explain": ExplainSettings()})
    key = (cache.identity(image), region, slide_job is None)
    mask, cells = _cells(key, shown.model_dump_json(), image, flows, segmenter)
    return RegionPreview(flows, mask, cells, time.perf_counter() - start_s, rate, slide_job)


def _slide_parameters(
    image: ImageRecord, settings: AnalyseSettings, segmenter: Segmenter
) -> tuple[SlideParameters | None, JobRecord | None]:
    """Return the parameters of the whole slide, or the job that finds them; neither where the image is one tile.

    Raises
    ------
    InputError
        When they cannot be found, so that the slide cannot be analysed.
    """
    if not has_tiles(image.info, settings):
        return None, None
    chosen = flow_settings(settings)
    parameters = load_slide_parameters(cache.slide(image), segmenter, chosen)
    job = None if parameters else request_slide_parameters(image, chosen.model_dump(mode="json"))
    if job is not None and job.status is Status.FAILED:
        raise InputError(job.error or "the slide could not be looked at; the worker's log says why")
    return parameters, job


@st.cache_resource(max_entries=2, on_release=cache.free, show_spinner="Loading the segmenter")
def _segmenter(name: str, device: str, dtype: str) -> Segmenter:
    return load_model(name, device, dtype)


@st.cache_resource(max_entries=4, show_spinner=False)
def _flows(
    image_id: str,
    identity: Identity,
    region: Region,
    settings: str,
    of_slide: bool,
    _parameters: SlideParameters | None,
    _segmenter: Segmenter,
) -> tuple[PreviewFlows, float]:
    """Run the segmenter; returns its flows and its seconds per pixel.

    `identity` and `settings` decide `_parameters`; `of_slide` says whether there are any yet. Thresholds are no part of
    the key: flows do not depend on them.
    """
    chosen = AnalyseSettings.model_validate_json(settings)
    start_s = time.perf_counter()
    slide = open_slide(image_id)
    if _parameters is None and has_tiles(slide.info, chosen):
        slide = open_view(image_id)  # intensities of the whole slide are read from its pyramid
    flows = preview_flows(slide, region, _segmenter, chosen, _parameters)
    return flows, (time.perf_counter() - start_s) / (region.height * region.width)


@st.cache_resource(max_entries=8, show_spinner=False)
def _cells(
    key: Hashable, settings: str, _image: ImageRecord, _flows: PreviewFlows, _segmenter: Segmenter
) -> tuple[LabelMask, pd.DataFrame]:
    """Turn flows into cells and apply the quality rules; `key` is of the image's identity and the region."""
    chosen = AnalyseSettings.model_validate_json(settings)
    mask = preview_masks(_flows, _segmenter, chosen)
    return mask, preview_cells(_flows, mask, chosen.quality, shape=_image.info.shape[1:], channels=_image.channels)


@st.cache_resource(max_entries=2, show_spinner=False)
def _stored_flows(key: str) -> PreviewFlows:
    return load_preview(key)


def _flows_by_worker(image: ImageRecord, region: Region, settings: AnalyseSettings) -> PreviewFlows | None:
    """Return the flows of a region, or draw what is needed to have them made and return None."""
    payload = {
        "image_id": image.id,
        "region": [region.y, region.x, region.height, region.width],
        "settings": flow_settings(settings).model_dump(mode="json"),
        "roles": [role.value for role in image.roles],  # not read by the worker: other roles make it another preview
        "um_per_px": image.um_per_px,
    }
    job_id = st.session_state.get(f"preview_{image.id}")
    job = queue.get_job(job_id) if job_id else None
    if job is not None and dict(job.payload) == payload:  # the one this visitor asked for, with the same settings
        if job.status is Status.DONE and job.result:
            return _stored_flows(job.result["key"])
        if job.status.active:
            wait_for(job)
            return None
        if job.status is Status.FAILED:
            show_error(ModelError(job.error or "the preview failed; the worker's log says why"))
    st.button(
        "Segment this region", icon=":material/play_arrow:", key="ask_preview", on_click=_submit, args=(image, payload)
    )
    return None


def _submit(image: ImageRecord, payload: dict[str, object]) -> None:
    job = queue.submit("preview", payload, image.project_id, urgent=True)
    worker_process.ensure_worker()
    st.session_state[f"preview_{image.id}"] = job.id
