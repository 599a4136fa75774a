"""Every run of the project: how far it is, what it used, what it found."""

import streamlit as st

from cellapp.store.runs import list_runs
from cellapp.ui.components.messages import RESEARCH_ONLY, empty_state
from cellapp.ui.layout.empty_states import SEGMENT_PAGE
from cellapp.ui.runs.run_table import bin_of, choose_runs, one_run, two_runs
from cellapp.ui.session import url

project = url.current_project()
runs = list_runs(project.id)
removed = list_runs(project.id, removed=True)

st.title("Runs")
if not runs:
    empty_state(
        "No runs yet",
        "A run finds and classifies the cells of some images with one set of settings.",
        icon=":material/history:",
        page=SEGMENT_PAGE,
        link="Go to Segment",
    )
else:
    ticked = choose_runs(runs)
    if len(ticked) == 1:
        one_run(project, ticked[0])
    elif len(ticked) == 2:
        two_runs(*reversed(ticked))
    else:
        st.caption("Tick one run to see its files and settings, or two to compare them.")
bin_of(project, removed)
st.caption(RESEARCH_ONLY)
