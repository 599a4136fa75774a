"""The first lines of Classify: the answer, or that there is none and what to do about it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cellapp.ui.classify.called_cells import ClassifyState
from cellapp.ui.components.downloads import show_downloads
from cellapp.ui.components.model_badges import show_head_note
from cellapp.ui.layout.frame import LABEL_PAGE, TRAIN_PAGE

LIKE_THE_DEMO_SLIDE = (
    "The demonstration head shows how everything here works. It knows synthetic cells, such as those of the demo "
    "slide; of real cells its calls mean nothing."
)


def answer_section(state: ClassifyState, stem: str) -> DeltaGenerator:
    """Draw the first line, the badges of the head, and a row with the downloads and the ways to an answer.

    Parameters
    ----------
    state : ClassifyState
    stem : str
        Folder of the image in the header, whose files are offered.

    Returns
    -------
    DeltaGenerator
        The row, in which a page goes on.
    """
    run, answer = state.results.run, state.answer
    text = state.headline
    if answer.mostly_unlike:
        text = f"{text.removesuffix('.')}: label some, or train from the conditions."
    st.markdown(f"### {text}")
    show_head_note(run, answer, state.results.classes)
    if answer.unfit and not answer.mostly_unlike:  # the badges say the other reason
        st.caption(LIKE_THE_DEMO_SLIDE)
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    with row:
        show_downloads(run, stem, key="classify_download", primary=not answer.unfit)
        if answer.unfit:
            _way(LABEL_PAGE, "Label cells", ":material/label:")
            _way(TRAIN_PAGE, "Train from the conditions", ":material/school:")
    return row


def _way(page: str, label: str, icon: str) -> None:
    if st.button(label, icon=icon, key=f"go_{Path(page).stem}"):
        st.switch_page(page)
