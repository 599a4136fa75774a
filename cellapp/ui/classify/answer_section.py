"""The first lines of Classify: the answer, or that there is none and what to do about it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cellapp.ui.classify.called_cells import ClassifyState
from cellapp.ui.components.downloads import show_downloads
from cellapp.ui.components.messages import capital, escape
from cellapp.ui.components.model_badges import show_head_note
from cellapp.ui.layout.frame import LABEL_PAGE, TRAIN_PAGE

LIKE_THE_DEMO_SLIDE = (
    "The demonstration head shows how everything here works. It knows synthetic cells, such as those of the demo "
    "slide; of real cells its calls mean nothing."
)


def answer_section(state: ClassifyState, stem: str) -> None:
    """Draw the first line with the downloads, what to do where it is no answer, and the badges of the head.

    Parameters
    ----------
    state : ClassifyState
    stem : str
        Folder of the image in the header, whose files are offered.
    """
    run, answer = state.results.run, state.answer
    text = state.headline
    if answer.mostly_unlike:
        text = f"{text.removesuffix('.')}: label some, or train from the conditions."
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"### {text}", width="content")
        show_downloads(run, stem, key="classify_download", primary=not answer.unfit)
    show_head_note(run, answer, state.results.classes)
    if answer.unfit:
        _what_to_do(answer.reason if answer.mostly_unlike else LIKE_THE_DEMO_SLIDE)


def _what_to_do(why: str) -> None:
    """Draw why there is no answer and the pages that lead to one."""
    st.caption(escape(why if why.endswith(".") else f"{capital(why)}."))
    with st.container(horizontal=True, gap="small"):
        _way(LABEL_PAGE, "Label cells", ":material/label:")
        _way(TRAIN_PAGE, "Train from the conditions", ":material/school:")


def _way(page: str, label: str, icon: str) -> None:
    if st.button(label, icon=icon, key=f"go_{Path(page).stem}"):
        st.switch_page(page)
