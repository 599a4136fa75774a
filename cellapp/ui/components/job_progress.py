"""Work of the worker process: its progress, polled by the page, and estimates of how long it takes on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from cellapp.explanation.methods import passes
from cellapp.explanation.removal import PARTS
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
    "report": "Report",
    "flip": "Explaining",
    "relabel": "Relabelling",
    "pyramid": "Viewer",
    "train": "Training",
    "retrain": "Retraining",
    "score": "Scoring",
    "rescore": "Calling cells",
    "pictures": "Drawing classes",
    "crops": "Making crops",
    "edited": "Correcting cells",  # queued when the tools are opened, too, so that the first correction need not wait
    "vectors": "Vectors",
    "discover": "Finding clusters",
    "growth": "Growth",
    "lines": "Learning lines",
    "name-lines": "Naming lines",
}


def show_jobs(project_id: str, active: Sequence[JobRecord]) -> None:
    """Draw one compact line for each queued or running job of a project and poll them; nothing without jobs."""
    if active:
        # a worker that was killed leaves its jobs waiting: the next rerun starts another
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


def explain_seconds(provenance: Mapping[str, Any], n_cells: int, *, times: float = 1.0) -> float | None:
    """Estimate the seconds of sending cells through the encoder once more.

    Parameters
    ----------
    provenance : mapping
        ``run.json`` of an image of the run: what its cells took then.
    n_cells : int
    times : float
        How often each goes through the encoder.

    Returns
    -------
    float or None
        None when the run has no time or no classified cell.
    """
    took, summary = provenance.get("seconds", {}).get("classify"), provenance.get("summary", {})
    n_classified = summary.get("n_cells", 0) - summary.get("n_rejected", 0)
    return took / n_classified * n_cells * times if took is not None and n_classified > 0 else None


def summary_passes(provenance: Mapping[str, Any], method: str = "exact") -> int:
    """Return how often `cellapp.pipeline.explain_cells.explain_cells` sends a cell through the encoder.

    For its map, once for the exact attribution, once for its call, and once without each channel and each part.
    """
    n_channels, of_maps = (
        len(provenance.get("image", {}).get("channels", ())),
        1 if method == "exact" else 1 + passes(method),
    )
    return of_maps + 1 + len(PARTS) + (n_channels if n_channels > 1 else 0)


def _wait(job_id: str) -> None:
    job = queue.get_job(job_id)
    if not job.status.active:
        st.rerun()
    job_progress(job)


def _lines(project_id: str, n_before: int) -> None:
    active = queue.list_jobs(project_id, active=True)
    if len(active) < n_before:
        st.rerun()  # a job has ended: the whole page may change
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
