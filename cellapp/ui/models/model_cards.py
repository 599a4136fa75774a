"""The cards of the Models page: what a model is for, what it was trained on, and whether it is on this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cellapp.config import app_settings
from cellapp.errors import CellappError
from cellapp.jobs import queue, worker_process
from cellapp.models.registry import ModelEntry
from cellapp.models.status import ModelStatus, card, status
from cellapp.store.records import JobRecord, Status
from cellapp.ui.components.job_progress import POLL_S, job_progress
from cellapp.ui.components.messages import capital, escape, show_error, show_problem
from cellapp.ui.components.sizes import size_text
from cellapp.ui.components.training_curves import training_curves

KINDS = {"segmenter": "Find cells", "encoder": "Describe cells", "head": "Classify cells"}
_ICONS = {"segmenter": ":material/blur_on:", "encoder": ":material/scatter_plot:", "head": ":material/donut_small:"}
_BADGES = {
    "bundled": ("Ships with the app", ":material/check:", "green"),
    "cached": ("Downloaded", ":material/check:", "green"),
    "present": ("Built in", ":material/check:", "green"),
    "missing": ("Not here", ":material/cloud_download:", "gray"),
    "gated": ("Needs a login", ":material/lock:", "orange"),
    "incompatible": ("Cannot run here", ":material/block:", "red"),
}
_PICTURE = re.compile(r"^!\[(?P<caption>[^]]*)\]\((?P<path>[\w./-]+\.png)\)$", re.MULTILINE)


def card_columns() -> tuple[DeltaGenerator, ...]:
    """Return the two columns of cards; where the window is narrow the second stands below the first."""
    grid = st.grid(2, min_column_width=360, gap="medium")
    return grid.cell(), grid.cell()


def offline_note(entries: Mapping[str, ModelEntry]) -> None:
    """Draw how models are brought to this machine when the network is switched off."""
    if not app_settings().offline:
        return
    absent = [name for name in entries if status(name).state == "missing"]
    st.info(
        f"This app is offline. {len(absent)} models are not here. Fetch them on a machine with a network, "
        "`python -m cellapp models fetch NAME`, and copy the folder `models` of its data folder into this one's: "
        f"`{app_settings().home}`.",
        icon=":material/cloud_off:",
    )


def downloads() -> Mapping[str, JobRecord]:
    """Return the newest download of each model that anybody asked for, by the name of the model."""
    asked = (job for job in queue.list_jobs(active=False) if job.kind == "fetch")
    return {str(job.payload.get("name")): job for job in sorted(asked, key=lambda job: job.created)}


def model_card(entry: ModelEntry, download: JobRecord | None) -> None:
    """Draw one model.

    Parameters
    ----------
    entry : ModelEntry
    download : JobRecord, optional
        The newest of this model, see `downloads`.
    """
    state = status(entry.name)
    with st.container(border=True, key=f"model_{entry.name}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"{_ICONS[entry.kind]} **{escape(entry.name)}**", width="content")
            label, icon, colour = _BADGES.get(state.state, (state.state, ":material/help:", "gray"))
            st.badge(label, icon=icon, color=colour, help=escape(state.words))
        st.markdown(escape(entry.purpose))
        size = size_text(entry.bytes) if entry.bytes else "No weights of its own"
        st.caption(escape(f"Trained on {entry.trained_on}. {entry.licence}. {size}."))
        _fetch(entry, state, download)
        _details(entry)


def _fetch(entry: ModelEntry, state: ModelStatus, download: JobRecord | None) -> None:
    if state.present:
        return
    if download is not None and download.status.active:
        st.fragment(_follow, run_every=POLL_S)(entry.name, download.id)
        return
    if download is not None and download.status is Status.FAILED:
        show_problem(download.error or "The download failed.")
    if state.state != "missing" or app_settings().offline:
        _how_to_fetch(state)
        return
    if st.button(f"Download {size_text(entry.bytes)}", icon=":material/download:", key=f"fetch_{entry.name}"):
        _submit(entry.name)


def _how_to_fetch(state: ModelStatus) -> None:
    """Draw how to get the model without the button, a command as text to copy."""
    sentence, _, command = state.words.partition(": ")
    st.caption(escape(f"{capital(sentence)}{':' if command else '.'}"))
    if command:
        st.code(command, language="bash", wrap_lines=True)


def _details(entry: ModelEntry) -> None:
    details = st.expander("Card and figures", on_change="rerun", key=f"card_{entry.name}")
    if details.open:
        with details:
            training_curves(entry.folder, f"curves_{entry.name}")
            _card(card(entry.name), entry.folder)


def _card(text: str, folder: Path) -> None:
    """Draw a card; its pictures are files in `folder`, which a browser cannot ask for."""
    start = 0
    for picture in _PICTURE.finditer(text):
        st.markdown(text[start : picture.start()])
        st.image(folder / picture["path"], caption=picture["caption"])
        start = picture.end()
    st.markdown(text[start:])


def _submit(name: str) -> None:
    try:
        queue.submit("fetch", {"name": name})
        worker_process.ensure_worker()
    except CellappError as error:
        show_error(error)
        return
    st.rerun()


def _follow(name: str, job_id: str) -> None:
    job = queue.get_job(job_id)
    if not job.status.active:
        st.rerun()
    job_progress(job)
    st.button("Cancel", key=f"cancel_{name}", icon=":material/close:", on_click=queue.request_cancel, args=(job_id,))
