"""What the cells are, how sure that is, and everything to take home."""

import streamlit as st

from cellapp.ui.classify.answer_section import answer_section
from cellapp.ui.classify.called_cells import EVERY_IMAGE, THIS_IMAGE, ClassifyState
from cellapp.ui.classify.cell_sections import gallery_section, table_section
from cellapp.ui.classify.chart_sections import counts_section
from cellapp.ui.classify.classes_by import JOBS, classes_by
from cellapp.ui.classify.map_section import map_section
from cellapp.ui.classify.population_section import population_section
from cellapp.ui.classify.probability_section import probabilities_section
from cellapp.ui.classify.slide_section import slide_section
from cellapp.ui.components.messages import trust_line
from cellapp.ui.layout import empty_states, frame
from cellapp.ui.session.results import results_of

page = frame.open_page()
image = frame.analyse_header(page, "Classify", titled=False)
run = empty_states.require_run(page.run)
results = results_of(run)
empty_states.show_unfinished(run, results)

threshold_key = f"classify_threshold_{run.id}"
threshold = float(st.session_state.get(threshold_key, run.settings.classify.threshold))
several = len(results.version) > 1
only = THIS_IMAGE if image.id in results.done else EVERY_IMAGE
scope = st.session_state.get("classify_scope", EVERY_IMAGE) if several else only
images = {one.id: one for one in page.images if one.id in results.done}
state = ClassifyState(results, images, image, threshold, scope)
entry = run.image(image.id)

row = answer_section(state, entry.stem)
classes_by(results, tuple(job for kind in JOBS for job in page.jobs_of(run, kind)), threshold_key, row)
if threshold != run.settings.classify.threshold:
    st.caption(
        f"Counted at a threshold of {threshold:.2f}; the files of this run use {run.settings.classify.threshold:.2f}."
    )
if results.cells.empty:
    empty_states.no_cells()
    trust_line(run, results.provenance)
    st.stop()

grid = st.grid(5, min_column_width=150, gap="medium")
counts, slide = grid.cell(column_span=2), grid.cell(column_span=3)
with counts:
    counts_section(state)
with slide:
    slide_section(state)

if several:
    st.segmented_control(
        "Cells of", [EVERY_IMAGE, THIS_IMAGE], default=EVERY_IMAGE, required=True, key="classify_scope"
    )
if state.answer.mostly_unlike:  # the probabilities are folded, and would leave half a row empty
    probabilities, points = st.container(), st.container()
else:
    halves = st.grid(2, min_column_width=380, gap="medium")
    probabilities, points = halves.cell(), halves.cell()
with probabilities:
    probabilities_section(state, threshold_key)
with points:
    map_section(state, next(iter(page.jobs_of(run, "project")), None))

population_section(state)
gallery_section(state)
if page.jobs_of(run, "relabel"):
    st.caption("The new labels are being written into the files.")
table_section(state)
trust_line(run, results.provenance)
