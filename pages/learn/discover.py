"""Are there kinds of cells here? Clusters without labels, what they go together with, and a name for each."""

import streamlit as st

from cellapp.rendering.colours import cluster_colour
from cellapp.ui.components.downloads import file_button
from cellapp.ui.components.messages import empty_state, trust_line
from cellapp.ui.layout import empty_states, frame
from cellapp.ui.learn.discover.cluster_strips import cluster_strips, show_cells
from cellapp.ui.learn.discover.compare_section import autoencoder_section, batch_section, known_section, outlier_section
from cellapp.ui.learn.discover.found import read_found
from cellapp.ui.learn.discover.map_section import headline, map_section, number_section
from cellapp.ui.learn.discover.search_form import choose_result, search_form, show_search
from cellapp.ui.session.results import results_of

page = frame.open_page()
frame.analyse_header(page, "Discover")
run = empty_states.require_run(page.run)
results = results_of(run)
empty_states.show_unfinished(run, results)
if results.cells.empty:
    empty_states.no_cells()
    trust_line(run, results.provenance)
    st.stop()

images = {image.id: image for image in page.images if image.id in results.done}
chosen = choose_result(run)
search_form(page, run, list(images.values()), again=chosen is not None)
working = show_search(page, run)
if chosen is None:
    if not working:
        empty_state(
            "Are there kinds of cells here?",
            "Clusters are looked for without any label, and then compared with conditions and classes that you know.",
            icon=":material/bubble_chart:",
        )
    trust_line(run, results.provenance)
    st.stop()

found = read_found(chosen, results, images)
headline(found)
halves = st.grid(2, min_column_width=420, gap="medium")
with halves.cell():
    circled = found.cells.iloc[map_section(found)].head(24)
    if len(circled):
        show_cells(found, circled, [cluster_colour(int(cluster)) for cluster in circled["cluster"]])
with halves.cell():
    cluster_strips(found)

st.subheader("What clusters go together with")
halves = st.grid(2, min_column_width=420, gap="medium")
with halves.cell():
    known_section(found)
with halves.cell():
    st.markdown("**Is it the batch?**")
    batch_section(found)
number_section(found)
autoencoder_section(found)
st.subheader("Cells like no other")
outlier_section(found)
with st.container(horizontal=True, gap="small"):
    for name, said in (("clusters.csv", "Clusters (CSV)"), ("tables.csv", "Tables (CSV)"), ("map.html", "Map (HTML)")):
        file_button(found.folder / name, said, f"{run.name}_{name}")
trust_line(run, results.provenance)
