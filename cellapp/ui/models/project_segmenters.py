"""Segmenters of the project on the Models page: what each learnt from, and how much better it got."""

from __future__ import annotations

import streamlit as st

from cellapp.models.training_curves import FILE
from cellapp.store.segmenters import SegmenterRecord, list_segmenters
from cellapp.training.segmenter.retrain_settings import result_sentence
from cellapp.ui.components.messages import escape
from cellapp.ui.components.training_curves import training_curves
from cellapp.ui.layout.frame import OUTLINES_PAGE


def segmenters_section(project_id: str) -> None:
    """Draw the segmenters that a project keeps, and the way to the page that makes, exports and removes them."""
    segmenters = list_segmenters(project_id)
    st.subheader("Of this project")
    for one in segmenters:
        with st.container(border=True, key=f"segmenter_{one.id}"):
            with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                st.markdown(f":material/blur_on: **{escape(one.name)}**", width="content")
                st.badge("Of this project", icon=":material/check:", color="green", help=escape(one.identity))
            st.markdown(escape(result_sentence(one.name, one.metrics)))
            st.caption(escape(f"From {one.metrics['base']}. Made {one.created:%d %B %Y}."))
            _training(one)
    if not segmenters:
        st.caption("None yet: correct outlines, and have one learn from them.")
    way = "Retrain, export or remove on Outlines" if segmenters else "Retrain one on Outlines"
    st.page_link(OUTLINES_PAGE, label=way, icon=":material/draw:", width="content")
    st.subheader("Of the program")


def _training(one: SegmenterRecord) -> None:
    """Draw the curves of a training that keeps them, when they are asked for."""
    if not (one.folder / FILE).is_file():
        return
    details = st.expander("Curves of its training", on_change="rerun", key=f"segmenter_curves_{one.id}")
    if details.open:
        with details:
            training_curves(one.folder, f"curves_{one.id}")
