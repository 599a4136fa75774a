"""Give cells their classes, one key each; the cells that teach the most come first."""

import streamlit as st

from cellapp.ui.components.messages import escape, trust_line
from cellapp.ui.layout import empty_states, frame
from cellapp.ui.learn.label.classes import class_editor, first_classes
from cellapp.ui.learn.label.foot import foot
from cellapp.ui.learn.label.grid import choose_shown, show_grid
from cellapp.ui.learn.label.order import choose_order, ranked
from cellapp.ui.learn.label.requests import answer_desk, take_wishes
from cellapp.ui.learn.label.sources import column_menu, table_menu
from cellapp.ui.learn.label.state import read_state
from cellapp.ui.learn.label.vectors import offer_vectors
from cellapp.ui.session.results import results_of

page = frame.open_page()
frame.analyse_header(page, "Label")
run = empty_states.require_run(page.run)
results = results_of(run)
empty_states.show_unfinished(run, results)
take_wishes()

state = read_state(page, run, results)
if not len(state.rows.keys):
    empty_states.no_cells()
    trust_line(run, results.provenance)
    st.stop()
with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="label_bar"):
    choice = choose_order(state)
    shown = choose_shown(state)
    class_editor(state)
    column_menu(state)
    table_menu(state)
offer_vectors(state)
if not state.classes.names:
    first_classes(state)
ranking = ranked(state, choice)
if ranking.note:
    st.caption(escape(ranking.note))
asked = show_grid(state, shown, choice, ranking)
foot(state, ranking)
trust_line(run, results.provenance)
answer_desk(state, asked)
