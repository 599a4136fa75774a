"""What a result page shows instead of results, or beside the first of them, while there are none or not all."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from cellapp.store.records import RunImage, RunRecord, Status
from cellapp.store.runs import get_run
from cellapp.ui.components.messages import capital, empty_state, escape, trust_line
from cellapp.ui.layout.frame import MODELS_PAGE, SEGMENT_PAGE
from cellapp.ui.session.results import Results

POLL_S = 2.0
_MOST_NOTES = 3
"""More notes on images are folded."""


def require_run(run: RunRecord | None) -> RunRecord:
    """Return the run; the page stops here, with a way to Segment, when there is none."""
    if run is not None:
        return run
    empty_state(
        "This image has not been analysed",
        "Choose how cells are found, then run on one image or on all.",
        icon=":material/blur_on:",
        page=SEGMENT_PAGE,
        link="Go to Segment",
    )
    trust_line(None)
    st.stop()


def show_unfinished(run: RunRecord, results: Results) -> None:
    """Draw the progress of images that wait or work, the errors of those that failed and where no cells were found.

    The page stops here while no image has a result.
    """
    failed = [image for image in run.images if image.status is Status.FAILED]
    if run.status.active:
        st.fragment(_poll, run_every=POLL_S)(run.id, run.n_done)
    if failed:
        n_failed = f"{len(failed)} of {len(run.images)} images" if len(run.images) > 1 else "This image"
        with st.expander(f"{n_failed} could not be analysed", icon=":material/error:", expanded=not results.version):
            for image in failed:
                st.error(f"{escape(image.name)}: {escape(image.error or 'stopped before it was reached')}")
    show_notes(run)
    if not results.version:
        trust_line(run)
        st.stop()


def show_notes(run: RunRecord) -> None:
    """Draw what was noted of images of a run, such as that no cells were found; of many images folded."""
    notes = [f"{escape(image.name)}: {escape(image.summary['note'])}." for image in run.images if _note(image)]
    if len(notes) <= _MOST_NOTES:
        for note in notes:
            st.caption(note)
        return
    with st.expander(f"Notes on {len(notes):,} of {len(run.images):,} images", icon=":material/info:"):
        for note in notes:
            st.caption(note)


def _note(image: RunImage) -> str:
    return str(image.summary.get("note") or "")


def no_cells() -> None:
    """Draw what to try when no cell was found."""
    empty_state(
        "No cells were found",
        "Look at a region on the Segment page: the right channel, a diameter that fits, a threshold less strict?",
        icon=":material/search_off:",
        page=SEGMENT_PAGE,
        link="Go to Segment",
    )


def nothing_to_explain(results: Results, image_id: str, image_cells: pd.DataFrame) -> None:
    """Draw why none of the cells of an image can be explained, and what to do about it."""
    if image_id in results.done and image_cells.empty:
        no_cells()
        return
    if image_id not in results.done:
        state = _no_result(results.run.image(image_id))
    elif not results.classes:
        state = (
            "This run has no classes",
            "It counted cells without a head. Choose one on the Segment page and run again.",
            ":material/tag:",
        )
    else:
        state = (
            "Every cell was rejected",
            "The quality rules found all cells of this image too poor to classify. Segment shows them by reason.",
            ":material/filter_alt_off:",
        )
    title, text, icon = state
    empty_state(title, text, icon=icon, page=SEGMENT_PAGE, link="Go to Segment")


def _no_result(image: RunImage | None) -> tuple[str, str, str]:
    """Return title, sentence and icon for an image without a result: why it has none."""
    if image is None:
        why = "It is not part of this run."
    else:
        why = "It could not be analysed, see above." if image.status is Status.FAILED else "It waits in this run."
    way_out = "Choose another image above, or run it again from Segment."
    return "No result for this image yet", f"{why} {way_out}", ":material/pending:"


def no_head() -> None:
    """Draw that the run's head is missing and no map of the class asked for is stored."""
    empty_state(
        "The head is not here",
        "The model that classified these cells is missing, and the run kept no such maps. Models says how to get it.",
        icon=":material/deployed_code:",
        page=MODELS_PAGE,
        link="Go to Models",
    )


def no_maps(why: str) -> None:
    """Draw why the run's head makes no maps; `why` is a sentence without its full stop."""
    empty_state(
        "No maps for this head",
        f"{capital(why)}.",
        icon=":material/grid_on:",
        page=SEGMENT_PAGE,
        link="Go to Segment",
    )


def _poll(run_id: str, n_done: int) -> None:
    """Draw how far a run is; the page is drawn again when an image or the run ends."""
    run = get_run(run_id)
    if not run.status.active or run.n_done != n_done:
        st.rerun()
    st.progress(
        run.n_done / max(len(run.images), 1),
        text=f"{run.n_done} of {len(run.images)} images analysed; results appear here as they come.",
    )
