"""Teach the app your own cells: what they are, how it learns, and how good it is on what it has not seen."""

import streamlit as st

from cellapp.store.heads import list_heads
from cellapp.ui.components.messages import RESEARCH_ONLY, empty_state
from cellapp.ui.layout import frame
from cellapp.ui.learn.how_step import how_step, how_title, show_failure, show_training, training_jobs
from cellapp.ui.learn.result_step import chosen_head, result_step
from cellapp.ui.learn.what_step import what_step

page = frame.open_page()
st.title("Train")
runs = [run for run in page.runs if run.n_cells]
if not runs:
    empty_state(
        "No cells yet",
        "Upload images, type in what they are, and find their cells on Segment; then they can be learned from.",
        icon=":material/school:",
        **frame.way_to_cells(page),
    )
    st.caption(RESEARCH_ONLY)
    st.stop()

heads, in_bin = list_heads(page.project.id), list_heads(page.project.id, removed=True)
job, head = next(iter(training_jobs(page.jobs)), None), chosen_head(heads)
folded = head is not None or job is not None
with st.expander("1. What", icon=":material/label:", expanded=not folded):
    what = what_step(page, runs)
if what is not None:
    st.caption(what.line)
# of another key when it folds: what somebody opened would stay open under its key
with st.expander(how_title(job), key=f"train_how_{folded}", icon=":material/tune:", expanded=not folded):
    if what is None:
        st.caption("First say what the cells are.")
    else:
        how_step(what, heads, len(heads) + len(in_bin), again=head is not None)
if job is not None:
    show_training(job)
else:
    show_failure(page.project.id)
if head is not None:
    st.subheader("3. How good")
    result_step(page, head, heads, what.run if what else runs[0])
st.caption(RESEARCH_ONLY)
