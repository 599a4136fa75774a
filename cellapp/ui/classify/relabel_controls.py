"""A person's word on cells: counted at once, written into the run's files by the worker."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from cellapp.errors import CellappError
from cellapp.jobs import queue, worker_process
from cellapp.store import cells as cell_store
from cellapp.store.records import RunRecord
from cellapp.ui.components.messages import show_error
from cellapp.ui.session.results import Results

AS_CALLED = "as the head says"
NEW_CLASSES = ("cancer", "normal")
"""Offered where no head was used."""


def labels_by_image(cells: pd.DataFrame, rows: Sequence[int], label: str) -> dict[str, dict[int, str]]:
    """Return the words for rows of a run's table: image id -> cell id -> class, "" to take a word back."""
    chosen = cells.loc[list(rows), ["image_id", "cell_id"]]
    return {
        str(image_id): dict.fromkeys(group["cell_id"].astype(int).tolist(), label)
        for image_id, group in chosen.groupby("image_id")
    }


def relabel_controls(results: Results, rows: Sequence[int]) -> None:
    """Draw the choice of a class and the button that gives it to `rows`."""
    classes = [*(results.classes or NEW_CLASSES), AS_CALLED]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        label = st.selectbox("Class by hand", classes, key="relabel_class", width=200, disabled=not rows)
        words = f"Relabel {len(rows):,} {'cell' if len(rows) == 1 else 'cells'}" if rows else "Relabel"
        if st.button(words, icon=":material/edit:", key="relabel_apply", disabled=not rows):
            _apply(results, rows, "" if label == AS_CALLED else str(label))


def files_note(run: RunRecord) -> None:
    """Say that the files of a run do not have the newest labels yet."""
    waits = [job for job in queue.list_jobs(run.project_id, active=True) if job.kind == "relabel"]
    if any(job.payload.get("run_id") == run.id for job in waits):
        st.caption("The new labels are being written into the files.")


def _apply(results: Results, rows: Sequence[int], label: str) -> None:
    labels = labels_by_image(results.cells, rows, label)
    try:
        for image_id, words in labels.items():
            cell_store.relabel(results.run.id, image_id, words)
        queue.submit("relabel", {"run_id": results.run.id, "labels": labels}, results.run.project_id, urgent=True)
        worker_process.ensure_worker()
    except CellappError as error:
        show_error(error)
        return
    st.toast(f"{len(rows):,} {'cell' if len(rows) == 1 else 'cells'} relabelled.", icon=":material/check:")
    st.rerun()
