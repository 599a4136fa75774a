"""Crops that a run was analysed without: what making them costs, the button that does, and how far it is."""

from __future__ import annotations

import streamlit as st

from cellapp.errors import CellappError
from cellapp.jobs import queue
from cellapp.jobs.make_run_crops import crops_job, expected_cost, images_without_crops, request_crops
from cellapp.pipeline.progress import rough_duration
from cellapp.store.records import RunRecord
from cellapp.ui.components.job_progress import wait_for
from cellapp.ui.components.messages import show_error
from cellapp.ui.components.sizes import size_text


def offer_crops(run: RunRecord, key: str) -> None:
    """Draw the offer to make the crops that a run lacks, or the progress of their making; nothing where it has all.

    Parameters
    ----------
    run : RunRecord
    key : str
        Prefix of widget keys.
    """
    lacking = images_without_crops(run)
    if not lacking:
        return
    if job := crops_job(run):
        wait_for(job)
        st.button(
            "Cancel",
            icon=":material/close:",
            key=f"{key}_cancel_crops",
            on_click=queue.request_cancel,
            args=(job.id,),
            disabled=job.cancel_requested,
            help="What is finished is kept for the next time",
        )
        return
    cost, n_done = expected_cost(run), run.n_done
    of = "this run" if len(lacking) == n_done else f"{len(lacking):,} of {n_done:,} images"
    st.caption(f"No crops of {of} yet: about {rough_duration(cost.seconds)} and {size_text(cost.n_bytes)}.")
    st.button(
        "Make crops",
        icon=":material/grid_view:",
        key=f"{key}_make_crops",
        on_click=_request,
        args=(run.id,),
        disabled=run.status.active,
        help="Waits until all images of the run are done." if run.status.active else "Goes on when you close the page",
    )


def _request(run_id: str) -> None:
    try:
        request_crops(run_id)
    except CellappError as error:
        show_error(error)
