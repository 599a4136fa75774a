"""Every run of the project: how far it is, its settings, its files, and what differs between two."""

import streamlit as st

from cellapp.store.runs import list_runs
from cellapp.ui.components.messages import RESEARCH_ONLY, empty_state
from cellapp.ui.layout import frame
from cellapp.ui.runs.run_table import choose_runs, deleted_runs, one_run, two_runs

page = frame.open_page()

st.title("Runs")
ticked = []
if not page.runs:
    empty_state(
        "No runs yet",
        "A run finds and classifies the cells of some images with one set of settings.",
        icon=":material/history:",
        **frame.way_to_cells(page),
    )
else:
    ticked = choose_runs(page.runs)
    if len(page.runs) == 1:  # there is nothing to choose from
        ticked = list(page.runs)
    if len(ticked) == 1:
        one_run(ticked[0])
    elif len(ticked) == 2:
        two_runs(*reversed(ticked))
    else:
        st.caption("Tick one run to see its files and settings, or two to compare them.")
deleted_runs(list_runs(page.project.id, removed=True))
if len(ticked) not in (1, 2):  # runs that are shown end with a line that says it
    st.caption(RESEARCH_ONLY)
