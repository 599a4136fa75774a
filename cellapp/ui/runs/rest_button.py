"""The button that does the rest of a run, where images of it have no result."""

from __future__ import annotations

import streamlit as st

from cellapp.errors import CellappError
from cellapp.jobs.rest_of_run import has_rest, request_rest
from cellapp.store.records import RunRecord
from cellapp.ui.components.messages import show_error
from cellapp.ui.layout.run_panel import job_of


def rest_button(run: RunRecord) -> None:
    """Draw the button for a run that no job works on; nothing where all images are done."""
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
