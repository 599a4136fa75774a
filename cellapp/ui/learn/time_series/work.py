"""Jobs of the Time series page: asking for one, its progress, and why the last one failed."""

from __future__ import annotations

import streamlit as st

from cellapp.errors import CellappError
from cellapp.jobs import queue
from cellapp.jobs.project_series import SeriesRequest, request_series
from cellapp.store.records import Status
from cellapp.ui.components.job_progress import wait_for
from cellapp.ui.components.messages import show_error, show_problem
from cellapp.ui.session.page_state import PageState


def ask(kind: str, request: SeriesRequest, **more: str) -> None:
    """Queue a job; what stands against it is drawn."""
    try:
        request_series(kind, request, **more)
    except CellappError as error:
        show_error(error)
        return
    st.rerun()


def show_work(page: PageState, kind: str) -> bool:
    """Draw the progress of a job of a kind, or why the last one failed; returns whether one is going on."""
    job = next((job for job in page.jobs if job.kind == kind), None)
    if job is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            wait_for(job)
            st.button("Cancel", key=f"series_cancel_{kind}", on_click=queue.request_cancel, args=(job.id,))
        return True
    ended = [one for one in queue.list_jobs(page.project.id, active=False) if one.kind == kind]
    newest = max(ended, key=lambda one: one.created, default=None)
    if newest is not None and newest.status is Status.FAILED:
        show_problem(newest.error or "It did not work.")
    return False
