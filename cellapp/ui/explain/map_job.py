"""Maps that would keep a page waiting: the worker makes them, the page shows how far it is."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cellapp.errors import ModelError
from cellapp.jobs import queue, worker_process
from cellapp.store.records import ImageRecord, Status
from cellapp.ui.components.job_progress import wait_for
from cellapp.ui.components.time_estimates import explain_seconds
from cellapp.ui.session.results import Results

KIND = "explain"
PAGE_S = 1.0
"""Longer than this, no page computes."""


def takes_long(results: Results, n_cells: int) -> bool:
    """Whether explaining so many cells would keep a page waiting, going by what classifying them took."""
    seconds = explain_seconds(results.made_by, n_cells)
    return seconds is not None and seconds > PAGE_S


def explain_by_worker(results: Results, image: ImageRecord, cell_ids: Sequence[int], target: str) -> None:
    """Have the maps of some cells made and draw the progress; the page is drawn again when they are there.

    Parameters
    ----------
    results : Results
    image : ImageRecord
    cell_ids : sequence of int
        Cells without a map.
    target : str
        Class to explain.

    Raises
    ------
    ModelError
        When the worker could not make them.
    """
    payload = {"run_id": results.run.id, "image_id": image.id, "cell_ids": list(cell_ids), "target": target}
    same = (job for job in queue.list_jobs(results.run.project_id, active=False) if dict(job.payload) == payload)
    job = next((job for job in same if job.kind == KIND), None)
    if job is not None and job.status is Status.FAILED:
        raise ModelError(job.error or "the maps could not be made; the worker's log says why")
    if job is not None and job.status is Status.CANCELLED:
        st.button(
            "Explain these cells",
            icon=":material/lightbulb:",
            key="explain_again",
            on_click=_submit,
            args=(payload, results.run.project_id),
        )
        return
    if job is None:
        job = _submit(payload, results.run.project_id)
    wait_for(job)


def _submit(payload: dict[str, object], project_id: str) -> queue.JobRecord:
    job = queue.submit(KIND, payload, project_id, urgent=True)
    worker_process.ensure_worker()
    return job
