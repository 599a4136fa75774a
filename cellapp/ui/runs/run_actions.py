"""What can be done with a run: open it, fetch its files, repeat it, do its rest, rename and delete it."""

from __future__ import annotations

import streamlit as st

from cellapp.errors import CellappError
from cellapp.jobs.rest_of_run import has_rest, request_rest
from cellapp.store.records import RunRecord, Status
from cellapp.store.run_weights import other_weights_of_run
from cellapp.store.runs import delete_run, rename_run
from cellapp.ui.components.downloads import show_downloads
from cellapp.ui.components.messages import escape, show_error
from cellapp.ui.layout.frame import CLASSIFY_PAGE
from cellapp.ui.layout.run_panel import job_of, start_run
from cellapp.ui.session.page_state import choose


def run_actions(run: RunRecord) -> None:
    """Draw the row of buttons of a run and, where models have other weights by now, what its repetition cannot give."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Open", type="primary", icon=":material/open_in_new:", key="open_run", disabled=not run.n_done):
            _open(run)
        show_downloads(run, None, key="runs_download")
        if st.button("Run again", icon=":material/replay:", key="rerun", help="The same images and settings"):
            _run_again(run)
        _rest_button(run)
        with st.popover("Rename", icon=":material/edit:"):
            name = st.text_input("Name", run.name, max_chars=120, key=f"name_{run.id}")
            st.button(
                "Save name", key="rename_run", on_click=rename_run, args=(run.id, name), disabled=not name.strip()
            )
        st.button(
            "Delete",
            icon=":material/delete:",
            key="delete_run",
            on_click=_delete,
            args=(run,),
            disabled=run.status.active and job_of(run) is not None,
            help="It can be brought back for a week. A run that is being worked on has to be cancelled first.",
        )
    for sentence in other_weights_of_run(run):
        st.caption(f":material/info: {escape(sentence)}.")


def _open(run: RunRecord) -> None:
    done = next(image for image in run.images if image.status is Status.DONE)
    choose("image", done.image_id)
    choose("run", run.id)
    st.switch_page(CLASSIFY_PAGE)


def _run_again(run: RunRecord) -> None:
    try:
        start_run(run.project_id, [row.image_id for row in run.images], run.settings)
    except CellappError as error:
        show_error(error)
        return
    st.rerun()


def _delete(run: RunRecord) -> None:
    delete_run(run.id)
    st.toast(f"{escape(run.name)} deleted. It is under Deleted runs for a week.", icon=":material/delete:")


def _rest_button(run: RunRecord) -> None:
    """Draw the button for the images without a result; nothing where all are done or a job works on them."""
    if has_rest(run) and job_of(run) is None:
        st.button(
            "Do the rest",
            icon=":material/skip_next:",
            key="do_rest",
            on_click=_do_rest,
            args=(run.id,),
            help="The images that failed or were not reached; those that are done stay",
        )


def _do_rest(run_id: str) -> None:
    try:
        request_rest(run_id)
    except CellappError as error:
        show_error(error)
