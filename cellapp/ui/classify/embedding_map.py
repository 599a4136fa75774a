"""Embedding maps of a run: read where they are stored, computed at once when that is quick, else by the worker."""

from __future__ import annotations

import streamlit as st

from cellapp.discovery.projection import UMAP_MIN_CELLS, Method, Projection, project_run, read_projection
from cellapp.errors import CellappError
from cellapp.jobs import queue, worker_process
from cellapp.ui.components.job_progress import job_progress
from cellapp.ui.components.messages import show_error
from cellapp.ui.session.results import Results


def projection_of(results: Results, method: Method) -> Projection | None:
    """Return the run's cells on a plane; None while they are not laid out yet, with the way to get there on the page.

    PCA takes less than a second and is done at once. UMAP takes minutes and goes to the worker.
    """
    stems = [stem for stem, _ in results.version]
    if method == "pca":
        return project_run(results.folder, stems)
    kept = read_projection(results.folder, method)
    if kept is not None:
        return kept
    job = _job(results)
    if job is not None:
        job_progress(job)
        return None
    accepted = int(results.cells["qc_pass"].sum())
    if accepted < UMAP_MIN_CELLS:
        st.caption(f"UMAP needs at least {UMAP_MIN_CELLS} cells; this run has {accepted}. PCA works for any number.")
        return None
    st.caption("UMAP shows finer groups than PCA. It is computed once for this run, in the background.")
    if st.button("Compute UMAP", icon=":material/scatter_plot:", key="classify_umap"):
        _submit(results)
    return None


def _submit(results: Results) -> None:
    try:
        queue.submit("project", {"run_id": results.run.id, "method": "umap"}, results.run.project_id)
        worker_process.ensure_worker()
    except CellappError as error:
        show_error(error)
        return
    st.rerun()


def _job(results: Results) -> queue.JobRecord | None:
    active = queue.list_jobs(results.run.project_id, active=True)
    return next((j for j in active if j.kind == "project" and j.payload.get("run_id") == results.run.id), None)
