"""Which treatment turns them back? Plates, effects against the controls beside them, dose response and hits."""

import streamlit as st

from cellapp.errors import CellappError
from cellapp.ui.components.messages import show_error, trust_line
from cellapp.ui.layout import empty_states, frame
from cellapp.ui.screen.found import downloads, read_found
from cellapp.ui.screen.layout_section import choices, layout_of
from cellapp.ui.screen.plate_section import effects_section, headline, plate_section
from cellapp.ui.screen.treatment_section import cells_section, dose_section
from cellapp.ui.session.results import results_of

page = frame.open_page()
frame.analyse_header(page, "Screen")
run = empty_states.require_run(page.run)
results = results_of(run)
empty_states.show_unfinished(run, results)

layout = layout_of(results, page.images)
request = choices(results, layout[1]) if layout else None
if layout is None or request is None:
    trust_line(run, results.provenance)
    st.stop()
try:
    with st.spinner("Comparing wells"):
        found = read_found(results, layout[0], request)
except CellappError as error:
    show_error(error)
    trust_line(run, results.provenance)
    st.stop()

headline(found)
halves = st.grid(2, min_column_width=420, gap="medium")
with halves.cell():
    plate_section(found)
with halves.cell():
    chosen = effects_section(found)
if chosen is not None:
    halves = st.grid(2, min_column_width=420, gap="medium")
    with halves.cell():
        dose_section(found, chosen["treatment"], chosen["unit"])
    with halves.cell():
        cells_section(found, chosen, page.images)
downloads(found)
trust_line(run, results.provenance)
