"""Why a cell was called what it was."""

import streamlit as st

from cellapp.cells.answer import judge
from cellapp.explanation.cell_lists import WRONG
from cellapp.ui.components.messages import trust_line
from cellapp.ui.components.model_badges import head_of, show_head_note
from cellapp.ui.explain.cell_panel import cells_section, slide_section
from cellapp.ui.explain.offered_cells import explainable, has_calls, lists_of
from cellapp.ui.explain.reasons_section import reasons_section
from cellapp.ui.explain.report_section import report_section
from cellapp.ui.explain.summary_panel import summary_section
from cellapp.ui.explain.toolbar import toolbar, truth_badge
from cellapp.ui.layout import empty_states, frame
from cellapp.ui.session import selection
from cellapp.ui.session.results import results_of

page = frame.open_page()
image = frame.analyse_header(page, "Explain", titled=False)
run = empty_states.require_run(page.run)
results = results_of(run)
empty_states.show_unfinished(run, results)
cells, image_cells = results.called(), results.called_of(image.id)

st.markdown("### Why was this cell called so?")
answer = results.kept("answer", make=lambda: judge(cells, results.demonstration))
show_head_note(run, answer, results.classes)
if answer.unfit:
    st.caption("A map shows what the head goes by, not what the cell is.")
if not has_calls(results, image):
    empty_states.nothing_to_explain(results, image.id, image_cells)
    trust_line(run, results.provenance)
    st.stop()

head = head_of(run)
if head is not None and head.only_on_slides:
    empty_states.no_maps(head.only_on_slides)
    trust_line(run, results.provenance)
    st.stop()

asked = toolbar(run, image, results.classes, head)
truth_badge(run, head, asked.how)
with_map = explainable(results, image_cells, asked.target, models=head is not None, how=asked.how)
lists = lists_of(results, with_map, selection.selected(run, cells), every=head is not None)
if not lists:
    empty_states.no_head()
    trust_line(run, results.provenance)
    st.stop()

cell = cells_section(results, image, lists, asked, page.cell_id)
if WRONG not in lists:
    st.caption("No cell of this image has a label that differs from its call: label some to see the wrong ones.")
slide_section(results, image, with_map, cell)
if head is not None:
    reasons_section(results, image, cell, asked.target)
summary_section(results, asked.target, models=head is not None)
report_section(page, results)
trust_line(run, results.provenance)
