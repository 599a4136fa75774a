"""Why a cell was called what it was."""

import streamlit as st

from cellapp.cells.answer import judge
from cellapp.classification.cell_columns import positive_class
from cellapp.errors import CellappError
from cellapp.ui.components.messages import escape, show_error, trust_line
from cellapp.ui.components.model_badges import head_of, show_head_note
from cellapp.ui.explain.cell_maps import cell_explanations, common_limit, explainable, listings
from cellapp.ui.explain.cell_panel import explanation_panel, pick_cell, pick_method, slide_section, truth_badge
from cellapp.ui.explain.summary_panel import summary_section
from cellapp.ui.layout import empty_states, frame
from cellapp.ui.session import selection
from cellapp.ui.session.results import results_of

page = frame.open_page()
image = frame.analyse_header(page)
run = empty_states.require_run(page.run)
results = results_of(run)
empty_states.show_unfinished(run, results)
cells = results.called()
image_cells = cells[cells["image_id"] == image.id]

st.markdown("### Why was this cell called so?")
answer = judge(cells, results.demonstration)
show_head_note(run, answer, results.classes)
if answer.unfit:
    st.caption(escape(f"{answer.verdict}: {answer.reason}. A map shows what the head goes by, not what the cell is."))
if not results.classes or not image_cells["label"].any():
    empty_states.nothing_to_explain(results, image.id, image_cells)
    trust_line(run, results.provenance)
    st.stop()

head = head_of(run)
if head is not None and head.only_on_slides:
    empty_states.no_maps(head.only_on_slides)
    trust_line(run, results.provenance)
    st.stop()

default = run.settings.explain.target or positive_class(results.classes)
target = str(
    st.segmented_control("Speaks for or against", results.classes, default=default, required=True, key="explain_target")
)
with_models = head is not None
how = pick_method(run.settings.explain, with_models)
truth_badge(run, head, how)
with_map = explainable(results, image_cells, target, models=with_models, how=how)
lists = listings(with_map, results.classes, selection.selected(run, cells))
if not lists:
    empty_states.no_head()
    trust_line(run, results.provenance)
    st.stop()

grid = st.grid(3, min_column_width=240, gap="medium")
left, right = grid.cell(), grid.cell(column_span=2)
with left:
    title, cell = pick_cell(results, image, lists, target, page.cell_id)
with right:
    try:
        explained = cell_explanations(results, image, lists[title], target=target, how=how)
        limit = common_limit(results, explained, target=target, how=how)
        if int(cell["cell_id"]) in explained:
            explanation_panel(results, image, cell, explained[int(cell["cell_id"])], limit=limit)
    except CellappError as error:
        show_error(error)
slide_section(results, image, with_map, cell)
summary_section(results, cells, target, models=with_models)
trust_line(run, results.provenance)
