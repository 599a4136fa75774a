"""Bring images in, name what they show, look at them."""

import streamlit as st

from cellapp.errors import CellappError
from cellapp.store.images import list_images
from cellapp.ui import channel_names, frame, intake, loaders, samples, state, viewer
from cellapp.ui.composer import channel_composer
from cellapp.ui.messages import RESEARCH_ONLY, escape, show_error
from cellapp.ui.waiting import SEGMENT_PAGE

project = state.current_project()
records = list_images(project.id)

if not records:
    st.title("Upload")
    st.markdown("From microscope images to counted, explained, downloadable cells.")
    with st.container(border=True, gap="medium"):
        st.space("small")
        st.markdown("#### :material/add_photo_alternate: Drop microscope images here", text_alignment="center")
        intake.drop_zone(project.id)
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="center"):
            st.markdown("No image at hand?", width="content")
            intake.demo_button(project.id, primary=True)
            intake.folder_import(project.id)
        st.space("small")
    intake.problems()
    samples.undo_bar()
    st.caption(RESEARCH_ONLY)
    st.stop()

header = frame.analyse_header("Upload")
image = header.image
bench = st.grid(5, min_column_width=150, gap="medium")
left, right = bench.cell(column_span=3), bench.cell(column_span=2)
with right:
    intake.drop_zone(project.id)
    intake.problems()
    with st.container(horizontal=True):
        intake.demo_button(project.id, primary=False)
        intake.folder_import(project.id)
try:
    with right:
        composition = channel_composer(image, loaders.overview(image))
        for note in image.info.notes:
            st.caption(escape(note))
    with left:
        viewer.show_image(
            image,
            [loaders.whole(image, composition)],
            key=f"upload_viewer_{image.id}",
            alt=f"{image.name}, all visible channels",
            um_per_px=image.um_per_px,
            height=440,
        )
except CellappError as error:
    show_error(error)
samples.sample_table(records)
samples.undo_bar()
if st.button(samples.segment_words(records), icon=":material/arrow_forward:", type="primary", key="go_segment"):
    st.switch_page(SEGMENT_PAGE)
details = st.grid(2, min_column_width=380)
with details.cell(), st.expander("Channel names and roles", icon=":material/label:"):
    channel_names.names_and_roles(image, records)
with details.cell(), st.expander("Segment on another image", icon=":material/compare:"):
    channel_names.pairing(image, records)
channel_names.combine_files(project.id, records)
st.caption(RESEARCH_ONLY)
