"""Start a run and follow it: which images, estimate of time, progress of each image, cancel."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from cellapp.exports.report.words import counted
from cellapp.jobs import queue, worker_process
from cellapp.jobs.time_estimate import expected_time
from cellapp.pipeline.progress import duration
from cellapp.settings import AnalyseSettings
from cellapp.store.images import list_images
from cellapp.store.records import ImageRecord, JobRecord, RunRecord, Status
from cellapp.store.runs import create_run, get_run
from cellapp.ui.components.job_progress import POLL_S, job_progress
from cellapp.ui.components.messages import escape
from cellapp.ui.layout.empty_states import show_notes
from cellapp.ui.layout.frame import CLASSIFY_PAGE
from cellapp.ui.layout.outline_quality import rows_in_order
from cellapp.ui.session.page_state import PageState, choose

_ALL, _THIS = "All images", "This image"
_STATUS_COLOURS = ["gray", "orange", "green", "red", "gray"]


def run_controls(page: PageState, image: ImageRecord, settings: AnalyseSettings, rate: float | None) -> None:
    """Draw the footer that starts a run.

    Parameters
    ----------
    page : PageState
    image : ImageRecord
        The image on the page.
    settings : AnalyseSettings
    rate : float, optional
        Seconds per pixel of the region previewed.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        choice = _ALL
        if len(page.images) > 1:
            choice = st.segmented_control(
                "Images", [_ALL, _THIS], default=_ALL, required=True, key="run_images", label_visibility="collapsed"
            )
        chosen = page.images if choice == _ALL else (image,)
        label = f"Run on {len(chosen):,} {'image' if len(chosen) == 1 else 'images'}"
        if st.button(label, type="primary", icon=":material/play_arrow:", key="start_run"):
            start_run(page.project.id, [one.id for one in chosen], settings)
            st.rerun()
        expected = expected_time(chosen, page.images, page.runs, settings, preview_s_per_px=rate)
        if expected is not None:
            st.caption(f"About {expected} on this machine.")


def start_run(project_id: str, image_ids: Sequence[str], settings: AnalyseSettings) -> RunRecord:
    """Queue a run of some images, without those removed from the project by now, and choose it on every page."""
    here = {image.id for image in list_images(project_id)}
    run = create_run(project_id, [image_id for image_id in image_ids if image_id in here], settings)
    queue.submit("analyse", {"run_id": run.id}, project_id)
    worker_process.ensure_worker()
    choose("run", run.id)
    return run


def job_of(run: RunRecord) -> JobRecord | None:
    """Return the job that waits for or works on a run, as it is now."""
    active = queue.list_jobs(run.project_id, active=True)
    return next((job for job in active if job.kind == "analyse" and job.payload.get("run_id") == run.id), None)


def follow_run(run: RunRecord) -> None:
    """Draw how far a run is; polls while a job waits for it or works on it."""
    st.fragment(_progress, run_every=POLL_S if job_of(run) else None)(run.id)


def _progress(run_id: str) -> None:
    run = get_run(run_id)
    job = job_of(run)
    if job is None and st.session_state.get("followed_run") == run_id:
        st.session_state["followed_run"] = None
        st.rerun()  # it has ended since the last poll: badges and pickers change
    st.session_state["followed_run"] = run_id if job else None
    with st.container(border=True):
        if job is not None:
            _active(job, run)
        else:
            _ended(run)
        st.dataframe(
            images_table(run),
            hide_index=True,
            column_config=images_columns(),
            placeholder="",
            alt=f"Images of {run.name}",
        )
        if job is None:
            show_notes(run)


def images_table(run: RunRecord) -> pd.DataFrame:
    """Return a row for each image of a run: name, status, cells, how far to rely on outlines, seconds, problem."""
    rows = [
        (
            row.name,
            [row.status.value],
            row.n_cells,
            row.summary.get("expected_ap"),
            row.summary.get("seconds"),
            row.error or "",
        )
        for row in rows_in_order(run)
    ]
    table = pd.DataFrame(rows, columns=["image", "status", "cells", "expected_ap", "seconds", "problem"])
    empty = [name for name, kept in (("expected_ap", table.notna()), ("problem", table != "")) if not kept[name].any()]
    return table.drop(columns=empty)


def _active(job: JobRecord, run: RunRecord) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        job_progress(job)
        st.button(
            "Cancel",
            icon=":material/close:",
            key="cancel_run",
            on_click=queue.request_cancel,
            args=(job.id,),
            disabled=job.cancel_requested,
        )
    st.caption(f"{run.n_done:,} of {len(run.images):,} images done. You can close this page; the work goes on.")


def _ended(run: RunRecord) -> None:
    status = {Status.DONE: "done", Status.PARTIAL: "partly done"}.get(run.status, run.status)
    took = f" in {duration(run.seconds)}" if run.seconds else ""
    st.markdown(f"{escape(run.name)}: {status}{took}, {counted(run.n_cells, 'cell')}.")
    if run.n_cells:
        st.page_link(CLASSIFY_PAGE, label="See the classes", icon=":material/arrow_forward:")


def images_columns() -> dict[str, object]:
    """Return how the columns of `images_table` are headed and drawn; in a narrow window the seconds are still seen."""
    column = st.column_config
    return {
        "image": column.TextColumn("Image", width=150),
        "status": column.MultiselectColumn(
            "Status", options=[status.value for status in Status][:5], color=_STATUS_COLOURS, width="small"
        ),
        "cells": column.NumberColumn("Cells", format="localized", width="small"),
        "expected_ap": column.NumberColumn(
            "Expected AP", format="%.2f", width="small", help="Average precision expected of the outlines, 0 to 1"
        ),
        "seconds": column.NumberColumn("Seconds", format="%.1f", width="small"),
        "problem": column.TextColumn("What went wrong", width="large"),
    }
