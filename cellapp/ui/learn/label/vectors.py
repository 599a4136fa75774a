"""Vectors that labelling needs and a run may lack: what is missing without them, and the button that makes them."""

from __future__ import annotations

import streamlit as st

from cellapp.jobs import queue, worker_process
from cellapp.store.records import Status
from cellapp.ui.components.job_progress import wait_for
from cellapp.ui.components.messages import show_problem
from cellapp.ui.learn.label.state import LabelState


def offer_vectors(state: LabelState) -> None:
    """Draw what the page lacks without vectors; nothing where they are there."""
    if state.vectors is not None:
        return
    job = next(iter(state.page.jobs_of(state.run, "vectors")), None)
    if job is not None:
        wait_for(job)
        return
    for failed in queue.list_jobs(state.page.project.id, active=False):
        if failed.kind == "vectors" and failed.payload.get("run_id") == state.run.id and failed.status is Status.FAILED:
            show_problem(failed.error or "The vectors could not be made.")
            break
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            "This run has no vectors yet. Cells can be labelled by image and at random; vectors bring those to the "
            "front that teach the most.",
            width="content",
        )
        if st.button("Make vectors", icon=":material/memory:", key="label_vectors"):
            queue.submit("vectors", {"run_id": state.run.id}, state.page.project.id, urgent=True)
            worker_process.ensure_worker()
            st.rerun()
