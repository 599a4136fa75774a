"""What the cells are, how sure that is, and everything to take home."""

import streamlit as st

from cellapp.store.images import list_images
from cellapp.ui.classify.cell_sections import gallery_section, table_section
from cellapp.ui.classify.chart_sections import counts_section, histogram_section, map_section
from cellapp.ui.classify.headline import answer_line
from cellapp.ui.classify.page_state import EVERY_IMAGE, THIS_IMAGE, ClassifyState
from cellapp.ui.classify.relabel_controls import files_note
from cellapp.ui.classify.slide_section import slide_section
from cellapp.ui.components.downloads import show_downloads
from cellapp.ui.components.messages import trust_line
from cellapp.ui.components.model_badges import show_head_note
from cellapp.ui.layout import empty_states, frame
from cellapp.ui.session.results import results_of

header = frame.analyse_header()
run = empty_states.run_or_stop(header)
results = results_of(run)
empty_states.say_state(run, results)

threshold_key = f"classify_threshold_{run.id}"
threshold = float(st.session_state.get(threshold_key, run.settings.classify.threshold))
several = len(results.version) > 1
only = THIS_IMAGE if header.image.id in results.done else EVERY_IMAGE
scope = st.session_state.get("classify_scope", EVERY_IMAGE) if several else only
images = {image.id: image for image in list_images(header.project.id)}
view = ClassifyState(
    results,
    {image_id: image for image_id, image in images.items() if image_id in results.done},
    header.image,
    threshold,
    scope,
)
entry = run.image(header.image.id)

with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
    st.markdown(f"### {answer_line(view.called, results.classes, n_images=len(results.version))}", width="content")
    show_downloads(results.folder, entry.stem, key="classify_download", primary=True)
show_head_note(run, view.called, results.classes)
if threshold != run.settings.classify.threshold:
    st.caption(
        f"Counted at a threshold of {threshold:.2f}; the files of this run use {run.settings.classify.threshold:.2f}."
    )
if results.cells.empty:
    empty_states.no_cells()
    trust_line(run, results.made_by)
    st.stop()

bench = st.grid(5, min_column_width=150, gap="medium")
counts, slide = bench.cell(column_span=2), bench.cell(column_span=3)
with counts:
    counts_section(view)
with slide:
    slide_section(view)

if several:
    st.segmented_control(
        "Cells of", [EVERY_IMAGE, THIS_IMAGE], default=EVERY_IMAGE, required=True, key="classify_scope"
    )
halves = st.grid(2, min_column_width=380, gap="medium")
sure, alike = halves.cell(), halves.cell()
with sure:
    histogram_section(view)
    if len(results.classes) == 2:
        st.slider(
            f"Call a cell {view.target} from p =",
            0.01,
            0.99,
            run.settings.classify.threshold,
            0.01,
            key=threshold_key,
            help="Counts, colours and tables follow at once; no model runs again.",
        )
with alike:
    map_section(view)

gallery_section(view)
files_note(run)
table_section(view)
trust_line(run, results.made_by)
