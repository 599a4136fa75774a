"""Each cluster as a strip of its typical cells, with a field that names it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from cellapp.errors import CellappError
from cellapp.exports.cluster_map import cluster_name
from cellapp.exports.report.words import counted
from cellapp.jobs.name_cluster import name_cluster
from cellapp.rendering.colours import cluster_colour
from cellapp.store.labels import retract_labels
from cellapp.ui.components.label_desk import desk_state
from cellapp.ui.components.messages import show_error
from cellapp.ui.components.picture import show_picture
from cellapp.ui.layout.cell_thumbnails import cell_uris, window_side_px
from cellapp.ui.layout.frame import LABEL_PAGE
from cellapp.ui.learn.discover.found import Found

_TILES, _TILE_PX = 5, 84
_MOST_STRIPS = 12
_UNDO = "discover_undo"


def cluster_strips(found: Found) -> None:
    """Draw the clusters, the largest first."""
    kind = st.segmented_control(
        "Cells shown",
        ["middle", "edge"],
        default="middle",
        required=True,
        format_func=lambda kind: {"middle": "Most typical", "edge": "Nearest to another cluster"}[str(kind)],
        key="discover_kind",
        label_visibility="collapsed",
    )
    for cluster in found.clusters[:_MOST_STRIPS]:
        _strip(found, cluster, str(kind))
    if len(found.clusters) > _MOST_STRIPS:
        st.caption(f"{len(found.clusters) - _MOST_STRIPS} smaller clusters are in clusters.csv.")
    _undo()


def show_cells(found: Found, cells: pd.DataFrame, colours: Sequence[str]) -> None:
    """Draw pictures of some cells, side by side at one scale."""
    side_px, uris = window_side_px(found.results.cells), {}
    by_key = dict(zip(zip(cells["image_id"], cells["cell_id"], strict=True), colours, strict=True))
    for image_id, part in cells.groupby("image_id", sort=False):
        if image_id not in found.images:
            continue
        folder = found.results.folder / str(part["stem"].iloc[0])
        part_colours = [by_key[image_id, cell_id] for cell_id in part["cell_id"]]
        drawn = cell_uris(folder, found.images[image_id], part, part_colours, side_px=side_px)
        uris |= {(image_id, cell_id): uri for cell_id, uri in drawn.items()}
    keys = [key for key in by_key if key in uris]
    with st.container(horizontal=True, gap="xxsmall"):
        for key in keys:
            name = found.images[key[0]].name
            show_picture(uris[key], alt=f"Cell {key[1]} of {name}", width_px=_TILE_PX, height_px=_TILE_PX)


def _strip(found: Found, cluster: int, kind: str) -> None:
    cells = found.rows_of(cluster)
    share = len(cells) / max(len(found.cells), 1)
    with st.container(border=True, gap="small", key=f"discover_strip_{cluster}"):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            st.html(f"<span style='color:{cluster_colour(cluster)};font-size:1.3rem'>●</span>", width="content")
            st.markdown(
                f"**{cluster_name(cluster).capitalize()}**, {counted(len(cells), 'cell')}, {100 * share:.0f} %",
                width="stretch",
            )
            name = st.text_input(
                "Name",
                key=f"discover_name_{found.request.key}_{cluster}",
                placeholder="Name it",
                label_visibility="collapsed",
                max_chars=60,
                width=170,
            )
            if st.button("Label", key=f"discover_label_{cluster}", disabled=not name.strip(), help=_HELP):
                _name(found, cluster, name)
        shown = found.shown_of(cluster, kind).head(_TILES)
        if shown.empty:
            st.caption("No other cluster to lie near to.")
        else:
            show_cells(found, shown, [cluster_colour(cluster)] * len(shown))


_HELP = "Gives every cell of the cluster this class; what was said by hand stays."


def _name(found: Found, cluster: int, name: str) -> None:
    who = str(desk_state(found.request.run_id, "who") or "")
    try:
        added = name_cluster(found.request, cluster, name, who=who)
    except CellappError as error:
        show_error(error)
        return
    said = f"{len(added):,} cells are labelled {name.strip()}; those labelled by hand stay as they are."
    st.session_state[_UNDO] = (said, added)
    st.rerun()


def _undo() -> None:
    """Draw what was labelled last, the way back and the way to the labels."""
    said, added = st.session_state.get(_UNDO, ("", ()))
    if not said:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.success(said, icon=":material/check:")
        if added and st.button("Undo", icon=":material/undo:", key="discover_undo_button"):
            retract_labels(added)
            del st.session_state[_UNDO]
            st.rerun()
        st.page_link(LABEL_PAGE, label="See them on Label", icon=":material/label:")
