"""What the desk asks of the page: other cells like one, and the way to a cell on its slide."""

from __future__ import annotations

import streamlit as st

from cellapp.ui.components.label_desk import DeskReport
from cellapp.ui.layout.frame import CLASSIFY_PAGE
from cellapp.ui.layout.relabel import remember_visitor
from cellapp.ui.learn.label.order import LIKE_KEY, ORDER_KEY
from cellapp.ui.learn.label.state import LabelState
from cellapp.ui.session import selection
from cellapp.ui.session.page_state import choose, choose_cell

_WISH = "label_wish"


def take_wishes() -> None:
    """Take over what was asked in the rerun before, ahead of the controls that show it."""
    wish = st.session_state.pop(_WISH, None)
    if wish:
        st.session_state[ORDER_KEY], st.session_state[LIKE_KEY] = "like", wish
        st.session_state["label_show"] = "Without a label"


def answer_desk(state: LabelState, asked: DeskReport) -> None:
    """Do what the desk asks; the page is drawn again or another one opens."""
    if state.who:
        remember_visitor(state.who)
    if asked.like in state.rows.row_of:
        st.session_state[_WISH] = asked.like
        st.rerun()
    if asked.slide in state.rows.row_of:
        cell = state.rows.table.iloc[state.rows.row_of[asked.slide]]
        choose("image", str(cell["image_id"]))
        choose("run", state.run.id)
        choose_cell(int(cell["cell_id"]))
        table = state.results.cells
        here = (table["image_id"] == cell["image_id"]) & (table["cell_id"] == cell["cell_id"])
        selection.select(state.run, table, table.index[here], source="label")
        st.switch_page(CLASSIFY_PAGE)
