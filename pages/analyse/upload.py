"""Bring images in, name what they show, look at them."""

import streamlit as st

from cellapp.errors import CellappError
from cellapp.store.pending import list_pending
from cellapp.ui.components import viewer
from cellapp.ui.components.channel_controls import channel_composer
from cellapp.ui.components.messages import RESEARCH_ONLY, escape, show_error
from cellapp.ui.layout import frame
from cellapp.ui.layout.image_regions import of_image
from cellapp.ui.session import cache
from cellapp.ui.upload import channel_editor, choice_table, depth_control, drop_zone, image_table, tile_offer

page = frame.open_page()
project, records = page.project, page.images
waiting = list_pending(project.id)
n_planes, n_planes_waiting = choice_table.most_planes(records, []), choice_table.most_planes([], waiting)

if not records:
    st.title("Upload")
    st.markdown("From microscope images to counted, explained, downloadable cells.")
    choice_table.choose_from(project, waiting, records)
    depth_control.depth_control(project, n_planes_waiting)
    with st.container(border=True, gap="medium"):
        st.space("small")
        st.markdown("#### :material/add_photo_alternate: Drop microscope images here", text_alignment="center")
        drop_zone.drop_zone(project.id)
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="center"):
            st.markdown("No image at hand?", width="content")
            drop_zone.demo_button(project.id, primary=not waiting)
            drop_zone.folder_import(project.id)
        st.space("small")
    drop_zone.problems()
    image_table.undo_bar()
    st.caption(RESEARCH_ONLY)
    st.stop()

image = frame.analyse_header(page, "Upload")
choice_table.choose_from(project, waiting, records)
if n_planes_waiting > 1:
    depth_control.depth_control(project, max(n_planes, n_planes_waiting))
grid = st.grid(5, min_column_width=150, gap="medium")
left, right = grid.cell(column_span=3), grid.cell(column_span=2)
with right:
    drop_zone.drop_zone(project.id)
    drop_zone.problems()
    with st.container(horizontal=True):
        drop_zone.demo_button(project.id, primary=False)
        drop_zone.folder_import(project.id)
try:
    with right:
        composition = channel_composer(image, cache.overview(image))
        for note in image.info.notes:
            st.caption(escape(note))
        if n_planes_waiting == 1:
            depth_control.depth_control(project, n_planes)
    with left:
        viewer.show_image(
            image,
            [cache.whole(image, composition)],
            key=f"upload_viewer_{image.id}",
            alt=f"{image.name}, all visible channels",
            um_per_px=image.um_per_px,
            regions=of_image(image),
            height=440,
        )
except CellappError as error:
    show_error(error)
image_table.sample_table(records)
image_table.undo_bar()
go_on = "secondary" if waiting else "primary"
if st.button(image_table.segment_label(records), icon=":material/arrow_forward:", type=go_on, key="go_segment"):
    st.switch_page(frame.SEGMENT_PAGE)
details = st.grid(2, min_column_width=380)
with details.cell(), st.expander("Channel names and roles", icon=":material/label:"):
    channel_editor.names_and_roles(image, records)
with details.cell(), st.expander("Segment on another image", icon=":material/compare:"):
    channel_editor.pairing(image, records)
channel_editor.combine_files(project.id, records)
tile_offer.join_tiles(project.id, records)
st.caption(RESEARCH_ONLY)
