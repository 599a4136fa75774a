"""Progress of the work that goes on in the worker process, polled by the page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cellapp.jobs import queue, worker_process
from cellapp.pipeline.progress import duration
from cellapp.store.records import JobRecord
from cellapp.ui.components.messages import escape

POLL_S = 1.5
_TITLES = {
    "analyse": "Analysing",
    "preview": "Preview",
    "judge": "Preview",
    "fetch": "Downloading",
    "demo": "Demo slide",
    "project": "Mapping",
    "explain": "Explaining",
    "regions": "Explaining",
    "relabel": "Relabelling",
    "pyramid": "Viewer",
}


def show_jobs(project_id: str, active: Sequence[JobRecord]) -> None:
    """Draw one compact line for each queued or running job of a project, and poll them; nothing without jobs."""
    if active:
        # a worker that was killed leaves its jobs waiting: the next visit brings another
        worker_process.ensure_worker()
        st.fragment(_lines, run_every=POLL_S)(project_id, len(active))


def job_progress(job: JobRecord) -> None:
    """Draw a job's step, share done and time left."""
    title = _TITLES.get(job.kind, job.kind)
    left = f", {duration(job.seconds_left)} left" if job.seconds_left is not None else ""
    st.progress(min(max(job.fraction, 0.0), 1.0), text=escape(f"{title}: {job.step or job.status}{left}"))


def wait_for(job: JobRecord) -> None:
    """Draw a job's progress and poll it; the whole page is drawn again when it has ended."""
    st.fragment(_wait, run_every=POLL_S)(job.id)


def _wait(job_id: str) -> None:
    job = queue.get_job(job_id)
    if not job.status.active:
        st.rerun()
    job_progress(job)


def _lines(project_id: str, n_before: int) -> None:
    active = queue.list_jobs(project_id, active=True)
    if len(active) < n_before:
        st.rerun()  # a job ended: the whole page has news
    for job in active:
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            job_progress(job)
            st.button(
                "",
                icon=":material/close:",
                key=f"cancel_{job.id}",
                help="Cancel",
                type="tertiary",
                on_click=queue.request_cancel,
                args=(job.id,),
            )
