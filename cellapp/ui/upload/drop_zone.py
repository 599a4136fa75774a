"""Add images: dropped files, the demo slide, a folder of the server; a row for each file that cannot be added."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import streamlit as st

from cellapp.config import app_settings
from cellapp.jobs import queue, worker_process
from cellapp.store import loose_files
from cellapp.store.records import JobRecord, Status, UploadOutcome
from cellapp.ui.components.job_progress import wait_for
from cellapp.ui.components.messages import escape
from cellapp.ui.components.uploaded import Uploaded, upload_field
from cellapp.ui.session.page_state import choose

FORMATS = (
    "TIFF, OME-TIFF, PNG, JPEG, BMP, CZI, ND2, LIF, or a zip of them or of OME-Zarr; 1 to 16 channels, integers or "
    "floats. Of a file with several scenes or time points you choose which to add; drop all files of an OME-TIFF set "
    "or of a measurement together."
)
_TOLD = 16  # chunks between two steps of the bar


def drop_zone(project_id: str) -> None:
    """Draw the uploader; files are added at once and the next ones can be dropped."""
    n_uploads = st.session_state.get("uploads_taken", 0)
    key = f"uploads_{n_uploads}"
    files = upload_field("Add images", key=key, accept_multiple_files=True, label_visibility="collapsed")
    st.caption(FORMATS)
    if files:
        _add_files(project_id, files)
        st.session_state["uploads_taken"] = n_uploads + 1  # a fresh uploader: the same file is not added twice
        st.rerun()


def demo_button(project_id: str, *, primary: bool) -> None:
    """Draw the button that has the worker add the synthetic slide, then the progress of that."""
    job = queue.get_job(st.session_state["demo_job"]) if st.session_state.get("demo_job") else None
    if job is not None and job.status.active:
        wait_for(job)
        return
    if job is not None:
        _end_demo(job)
    st.button(
        "Try the demo slide",
        icon=":material/science:",
        type="primary" if primary else "tertiary",
        key="try_demo",
        help="A synthetic slide with known truth",
        on_click=_submit_demo,
        args=(project_id,),
    )


def folder_import(project_id: str) -> None:
    """Offer the files of the server's import folder, when there is one."""
    folder = app_settings().import_folder
    if folder is None:
        return
    with st.popover("From the server's folder", icon=":material/folder_open:", type="tertiary"):
        paths = loose_files.list_folder(folder)
        if not paths:
            st.caption("The folder is empty or away.")
            return
        chosen = st.multiselect("Files", list(paths), key="import_files")
        if st.button(f"Add {len(chosen)} files", key="import_button", disabled=not chosen):
            files = loose_files.with_their_sets(paths[name] for name in chosen)
            report(loose_files.add_together(project_id, ((path.name, path) for path in files)))
            st.rerun()


def report(outcomes: Sequence[UploadOutcome]) -> None:
    """Choose the newest image added, of a file its first, and remember which files could not be."""
    added = [outcome for outcome in outcomes if outcome.image is not None]
    if added:
        choose("image", max(added, key=lambda outcome: outcome.image.created).image.id)
    here = [outcome for outcome in added if outcome.existed]
    if len(here) == 1:
        st.toast(f"{escape(here[0].name)} was here already.", icon=":material/content_copy:")
    elif here:
        st.toast(f"{len(here)} images were here already.", icon=":material/content_copy:")
    problems = [(outcome.name, outcome.problem) for outcome in outcomes if outcome.problem is not None]
    st.session_state.setdefault("upload_problems", []).extend(problems)


def problems() -> None:
    """Draw a row for each file that could not be added, until it is dismissed."""
    rows: list[tuple[str, str]] = st.session_state.get("upload_problems", [])
    for position, (name, sentence) in enumerate(rows):
        text = sentence if name in sentence else f"{name}: {sentence}"
        with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
            st.badge("Not added", icon=":material/error:", color="red")
            st.markdown(escape(text), width="stretch")
            st.button(
                "",
                icon=":material/close:",
                type="tertiary",
                key=f"dismiss_{position}",
                help="Dismiss",
                on_click=rows.pop,
                args=(position,),
            )


def _submit_demo(project_id: str) -> None:
    st.session_state["demo_job"] = queue.submit("demo", {"project_id": project_id}, project_id, urgent=True).id
    worker_process.ensure_worker()


def _end_demo(job: JobRecord) -> None:
    """Choose the slide that the job has made, or remember why there is none."""
    del st.session_state["demo_job"]
    if job.status is Status.DONE and job.result:
        choose("image", job.result["image_id"])
        st.rerun()
    if job.error:
        st.session_state.setdefault("upload_problems", []).append(("Demo slide", job.error))


def _add_files(project_id: str, files: Sequence[Uploaded]) -> None:
    bar, total = st.progress(0.0), max(sum(file.n_bytes for file in files), 1)
    before = 0

    def chunks(file: Uploaded) -> Iterator[bytes]:
        read = before
        for number, chunk in enumerate(file.chunks()):
            if number % _TOLD == 0:
                bar.progress(min(read / total, 1.0), text=escape(f"Adding {file.name}"))
            read += len(chunk)
            yield chunk

    def each() -> Iterator[tuple[str, Iterator[bytes]]]:
        nonlocal before
        for file in files:
            yield file.name, chunks(file)
            before += file.n_bytes
            file.let_go()

    report(loose_files.add_together(project_id, each()))
    bar.empty()
