"""Previews by segmenters that take longer than a page may: the worker makes them, the page waits politely."""

from __future__ import annotations

import streamlit as st

from cellapp import jobs, presence
from cellapp.errors import ModelError
from cellapp.preview import PreviewFlows
from cellapp.settings import AnalyseSettings
from cellapp.store.records import ImageRecord, JobRecord, Status
from cellapp.types import Region
from cellapp.ui.jobs_panel import wait_for
from cellapp.ui.loaders import flow_settings, kept_flows
from cellapp.ui.messages import show_error


def flows(image: ImageRecord, region: Region, settings: AnalyseSettings) -> PreviewFlows | None:
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
    job = jobs.get_job(job_id) if job_id else None
    return job if job is not None and dict(job.payload) == payload else None


def _ask(image: ImageRecord, payload: dict[str, object]) -> None:
    job = jobs.submit("preview", payload, image.project_id, urgent=True)
    presence.ensure_worker()
    st.session_state[f"preview_{image.id}"] = job.id
