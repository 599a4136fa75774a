"""What the present settings find in a region: flows kept for thresholds, cells kept for what only moves the picture."""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from cellapp.errors import InputError, ModelError
from cellapp.jobs import queue, worker_process
from cellapp.jobs.requests import request_slide_parameters
from cellapp.segmentation.preview import PreviewFlows, preview_masks
from cellapp.segmentation.slide_parameters import SlideParameters, has_tiles, load_slide_parameters
from cellapp.settings import AnalyseSettings, ClassifySettings, ExplainSettings
from cellapp.store.open_image import lacks_pyramid
from cellapp.store.records import ImageRecord, JobRecord, Status
from cellapp.types.cells import LabelMask
from cellapp.types.image import Region
from cellapp.types.protocols import Segmenter
from cellapp.ui.components.job_progress import wait_for
from cellapp.ui.components.messages import show_error
from cellapp.ui.segment.region_cells import assess_region
from cellapp.ui.session import cache
from cellapp.ui.session.cache import flow_settings, kept_flows


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
    network = cache.segmenter(settings.segment.segmenter)
    asked_s, judging = time.perf_counter(), None
    if network.fast:
        parameters, judging = _judged(image, settings, network)
        if judging is not None and lacks_pyramid(image):  # even the range of its pixels takes too long to find here
            wait_for(judging)
            return None
        timed = cache.flows(image, region, settings, parameters)
        flows, rate = timed.flows, timed.seconds / (region.height * region.width)
    else:
        flows, rate = flows_by_worker(image, region, settings), None
    if flows is None:
        return None
    tried = settings.model_copy(update={"classify": ClassifySettings(), "explain": ExplainSettings()})
    key = (cache.identity(image), region, judging is None)
    mask, cells = _cells(key, tried.model_dump_json(), image, flows, network)
    return Found(flows, mask, cells, rate, time.perf_counter() - asked_s, judging)


def _judged(
    image: ImageRecord, settings: AnalyseSettings, network: Segmenter
) -> tuple[SlideParameters | None, JobRecord | None]:
    """Return what a run decides on the slide, or the job that does; neither where the image is one tile.

    Raises
    ------
    InputError
        When the slide cannot be judged, and so not be analysed.
    """
    if not has_tiles(image.info, settings):
        return None, None
    chosen = cache.flow_settings(settings)
    parameters = load_slide_parameters(cache.slide(image), network, chosen)
    job = None if parameters else request_slide_parameters(image, chosen.model_dump(mode="json"))
    if job is not None and job.status is Status.FAILED:
        raise InputError(job.error or "the slide could not be looked at; the worker's log says why")
    return parameters, job


@st.cache_resource(max_entries=8, show_spinner=False)
def _cells(
    key: Hashable, settings: str, _image: ImageRecord, _flows: PreviewFlows, _network: Segmenter
) -> tuple[LabelMask, pd.DataFrame]:
    """Find and judge the cells; `key` says of which image, as it is known now, and of which region."""
    chosen = AnalyseSettings.model_validate_json(settings)
    mask = preview_masks(_flows, _network, chosen)
    return mask, assess_region(_flows, mask, chosen.quality, shape=_image.info.shape[1:], channels=_image.channels)


def flows_by_worker(image: ImageRecord, region: Region, settings: AnalyseSettings) -> PreviewFlows | None:
    """Return the flows of a region, or draw what is needed to have them made and return None."""
    payload = _payload(image, region, settings)
    job = _asked(image, payload)
    if job is not None and job.status is Status.DONE and job.result:
        return kept_flows(job.result["key"])
    if job is not None and job.status.active:
        wait_for(job)
        return None
    if job is not None and job.status is Status.FAILED:
        show_error(ModelError(job.error or "the preview failed; the worker's log says why"))
    st.button(
        "Segment this region", icon=":material/play_arrow:", key="ask_preview", on_click=_ask, args=(image, payload)
    )
    return None


def _payload(image: ImageRecord, region: Region, settings: AnalyseSettings) -> dict[str, object]:
    return {
        "image_id": image.id,
        "region": [region.y, region.x, region.height, region.width],
        "settings": flow_settings(settings).model_dump(mode="json"),
        "roles": [role.value for role in image.roles],  # not read by the worker: other roles make it another preview
        "um_per_px": image.um_per_px,
    }


def _asked(image: ImageRecord, payload: dict[str, object]) -> JobRecord | None:
    """Return the job this visitor asked for with the same payload; other settings need another one."""
    job_id = st.session_state.get(f"preview_{image.id}")
    job = queue.get_job(job_id) if job_id else None
    return job if job is not None and dict(job.payload) == payload else None


def _ask(image: ImageRecord, payload: dict[str, object]) -> None:
    job = queue.submit("preview", payload, image.project_id, urgent=True)
    worker_process.ensure_worker()
    st.session_state[f"preview_{image.id}"] = job.id
