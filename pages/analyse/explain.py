"""Why a cell was called what it was."""

import streamlit as st

from cellapp.classification.cell_columns import positive_class
from cellapp.errors import CellappError
from cellapp.ui.classify.slide_section import place_section
from cellapp.ui.components.messages import show_error, trust_line
from cellapp.ui.components.model_badges import head_of, show_head_note
from cellapp.ui.explain.cell_maps import common_limit, explainable, listings, reasons
from cellapp.ui.explain.cell_panel import pick_cell, reason_panel, toolbar
from cellapp.ui.explain.summary_panel import overview_section
from cellapp.ui.layout import empty_states, frame
from cellapp.ui.session import selection
from cellapp.ui.session.results import results_of

header = frame.analyse_header()
run = empty_states.run_or_stop(header)
results = results_of(run)
empty_states.say_state(run, results)
cells = results.called()
here = cells[cells["image_id"] == header.image.id]

st.markdown("### Why was this cell called so?")
show_head_note(run, cells, results.classes)
if not results.classes or not here["label"].any():
    empty_states.nothing_to_explain(results, header.image.id, here)
    trust_line(run, results.made_by)
    st.stop()

head = head_of(run)
if head is not None and head.only_on_slides:
    empty_states.no_maps(head.only_on_slides)
    trust_line(run, results.made_by)
    st.stop()

target = toolbar(results, run.settings.explain.target or positive_class(results.classes))
models = head is not None
known = explainable(results, here, target, models=models)
offered = listings(known, results.classes, selection.selected(run, cells))
if not offered:
    empty_states.no_head()
    trust_line(run, results.made_by)
    st.stop()

bench = st.grid(3, min_column_width=240, gap="medium")
listed, shown = bench.cell(), bench.cell(column_span=2)
with listed:
    title, cell = pick_cell(results, header.image, offered, target)
with shown:
    try:
        found = reasons(results, header.image, offered[title], target=target)
        limit = common_limit(results, found, target=target)
        if int(cell["cell_id"]) in found:
            reason_panel(results, header.image, cell, found[int(cell["cell_id"])], limit=limit)
    except CellappError as error:
        show_error(error)
place_section(results, header.image, known, cell)
overview_section(results, cells, target, models=models)
trust_line(run, results.made_by)
