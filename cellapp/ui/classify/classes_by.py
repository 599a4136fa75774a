"""Whose classes the page shows, and how to have those of another head."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cellapp.errors import CellappError
from cellapp.exports.class_versions import ClassVersion
from cellapp.jobs import queue, worker_process
from cellapp.jobs.rescore import choose_classes, request_rescore
from cellapp.models.registry import registry
from cellapp.models.status import own_heads, status
from cellapp.store.heads import list_heads
from cellapp.store.records import JobRecord
from cellapp.ui.components.job_progress import wait_for
from cellapp.ui.components.messages import show_error
from cellapp.ui.session.results import Results

JOBS = ("rescore", "pictures", "vectors")


def classes_by(results: Results, jobs: tuple[JobRecord, ...], threshold_key: str, row: DeltaGenerator) -> None:
    """Draw the choice among the classes that a run has, and the way to those of another head.

    Parameters
    ----------
    results : Results
    jobs : tuple of JobRecord
        Jobs of the run that wait or work, of the kinds in `JOBS`.
    threshold_key : str
        Where the page keeps a threshold, which belongs to the classes shown.
    row : DeltaGenerator
        The row of the page in which both are drawn.
    """
    with row:
        if len(results.classes_by.versions) > 1:
            _choice(results, threshold_key)
        other = st.popover("Another head", icon=":material/swap_horiz:", on_change="rerun", key="other_head")
        if other.open:
            with other:
                _another_head(results)
    for job in jobs:
        wait_for(job)


def _choice(results: Results, threshold_key: str) -> None:
    versions = {version.id: version for version in results.classes_by.versions}
    active = str(results.classes_by.active_id)
    chosen = st.selectbox(
        "Classes by",
        list(versions),
        index=list(versions).index(active),
        format_func=lambda version_id: version_name(versions[version_id]),
        key=f"classes_by_{results.run.id}_{active}",
        width=360,
    )
    if chosen != active:
        try:
            choose_classes(results.run.id, str(chosen))
        except CellappError as error:
            show_error(error)
            return
        st.session_state.pop(threshold_key, None)
        st.rerun()


def version_name(version: ClassVersion) -> str:
    """Return what tells a version from the others of a run: its head, its threshold, and when it was made."""
    if version.head is None:
        return "no head: counted only"
    name, _, revision = version.head.rpartition("@")
    when = version.created[:16].replace("T", " ")
    return f"{Path(name).name}@{revision[:6]}, threshold {version.settings.threshold:.2f}, {when}"


def _another_head(results: Results) -> None:
    """Draw the choice of a head and the buttons that call the cells by it, or make the vectors it reads."""
    present = [name for name, entry in registry().items() if entry.kind == "head" and status(name).present]
    heads = [*(head.identity for head in list_heads(results.run.project_id)), *present, *own_heads()]
    head = str(st.selectbox("Head", heads, format_func=lambda name: Path(name).name, key="other_head_name"))
    st.caption("The cells stay as they are and are called anew, within seconds. Classes by hand stay.")
    if st.button("Call the cells", icon=":material/play_arrow:", key="call_again", type="primary"):
        try:
            request_rescore(results.run.id, head)
        except CellappError as error:
            show_error(error)
        else:
            st.rerun()
    n_cells = int(results.cells["qc_pass"].sum())
    if st.button(f"Make vectors for this head{_estimate(results, n_cells)}", key="make_vectors", type="tertiary"):
        queue.submit("vectors", {"run_id": results.run.id, "head": head}, results.run.project_id)
        worker_process.ensure_worker()
        st.rerun()


def _estimate(results: Results, n_cells: int) -> str:
    """Return how long the vectors of the run's cells took, for a button; the number of cells where nobody knows."""
    seconds = (results.provenance.get("seconds") or {}).get("classify") or 0.0
    n_called = (results.provenance.get("summary") or {}).get("n_classified") or 0
    if not n_called or not results.provenance.get("encoder"):
        return f" ({n_cells:,} cells)"
    minutes = n_cells * seconds / n_called / 60
    return f" ({n_cells:,} cells, about {max(round(minutes), 1)} min)"
