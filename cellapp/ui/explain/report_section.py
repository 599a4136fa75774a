"""The report of the run shown: made by the worker, taken home from here."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import streamlit as st

from cellapp.errors import CellappError, ModelError
from cellapp.exports.report.figures import read_figures
from cellapp.jobs import queue
from cellapp.jobs.make_report import REPORT, request_report
from cellapp.store.records import RunRecord, Status
from cellapp.ui.components.job_progress import wait_for
from cellapp.ui.components.messages import escape, show_error
from cellapp.ui.components.sizes import size_text
from cellapp.ui.session.page_state import PageState
from cellapp.ui.session.results import Results

_ASKED = "report_job"


def report_section(page: PageState, results: Results) -> None:
    """Draw the button that makes the report of a run, its progress, or the one that downloads it.

    Parameters
    ----------
    page : PageState
        With the run.
    results : Results
        Of the run.
    """
    st.markdown("### Report")
    active = page.jobs_of(results.run, REPORT)
    if active:
        wait_for(active[0])
        return
    _say_how_it_ended(results.run.id)
    path = results.folder / "report.html"
    made = path.is_file() and bool(read_figures(results.folder, results.provenance.get("head")))
    st.caption(
        "One page for a manuscript's supplement: counts, quality, validation of the head, cells with their maps, "
        "findings, methods with references, limits and provenance. It opens without a network and prints as a PDF."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if made:
            _download_button(path)
        _make_button(results.run, again=made)


def _download_button(path: Path) -> None:
    st.download_button(
        f"Download the report, {size_text(path.stat().st_size)}",
        data=lambda: _open(path),
        file_name=f"{path.parent.name}_report.html",
        mime="text/html",
        icon=":material/description:",
        type="primary",
        key="download_report",
        on_click="ignore",
    )


def _make_button(run: RunRecord, *, again: bool) -> None:
    st.button(
        "Make it again" if again else "Make the report",
        icon=":material/refresh:" if again else ":material/description:",
        type="tertiary" if again else "primary",
        key="make_report",
        on_click=_request,
        args=(run.id,),
        disabled=run.status.active,
        help="Waits until all images of the run are done." if run.status.active else None,
    )


def _request(run_id: str) -> None:
    try:
        st.session_state[_ASKED] = {run_id: request_report(run_id).id}
    except CellappError as error:
        show_error(error)


def _say_how_it_ended(run_id: str) -> None:
    """Say why the report that this visit asked for failed, or shows no cells."""
    job_id = (st.session_state.get(_ASKED) or {}).get(run_id)
    if job_id is None:
        return
    job = queue.get_job(job_id)
    if job.status is Status.FAILED:
        show_error(ModelError(job.error or "the report could not be made; the worker's log says why"))
    elif job.status is Status.DONE and (job.result or {}).get("not_shown"):
        st.caption(
            escape(f"The report shows no cells: {job.result['not_shown']}. Classify has it among its downloads.")
        )


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")
