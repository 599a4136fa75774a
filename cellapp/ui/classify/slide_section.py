"""The slide on the Classify page: click a cell to select it, draw a rectangle for several."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from cellapp.cells.counts import UNLIKE
from cellapp.rendering.colours import class_colour
from cellapp.ui.classify.called_cells import ClassifyState
from cellapp.ui.components.messages import escape
from cellapp.ui.components.picture import show_picture
from cellapp.ui.components.viewer import RINGS, Picked
from cellapp.ui.layout.cell_thumbnails import cell_uris, window_side_px
from cellapp.ui.layout.cells_on_slide import picked_rows, show_cells_on_slide
from cellapp.ui.layout.frame import CORRECT, EXPLAIN_PAGE, SEGMENT_PAGE
from cellapp.ui.layout.image_regions import run_line
from cellapp.ui.session import selection
from cellapp.ui.session.page_state import choose_cell

_CARD_PX = 120


@st.fragment
def slide_section(state: ClassifyState) -> None:
    """Draw the slide with its cells in the colours of their calls; what is picked is selected on the whole page."""
    entry = state.results.run.image(state.image.id)
    if entry is None or entry.stem not in dict(state.results.version):
        st.caption("This image has no result in this run.")
        return
    chosen = state.image_cells[state.image_cells.index.isin(state.selected)]
    opacity = st.slider("Outlines", 0.0, 1.0, 0.9, 0.1, key="classify_opacity", persist_state="session", width=220)
    picked = show_cells_on_slide(
        state.results,
        state.image,
        chosen,
        threshold=state.threshold,
        opacity=opacity,
        key=f"classify_slide_{state.image.id}",
        alt=f"{state.image.name} with the outline of each cell in the colour of its class",
        jump=selection.selected_in() != "slide",
        pick=("point", "box"),
        height=460,
    )
    run_line(state.image, state.results.run)
    if len(chosen) == 1:
        _card(state, chosen)
    elif len(chosen) > RINGS:
        st.caption(f"{len(chosen):,} cells are selected; the first {RINGS:,} are ringed.")
    if picked != Picked():  # no mark of a viewer just opened deselects nothing, a click beside all cells does
        state.adopt(picked_rows(state.results, entry.stem, picked, state.image_cells), source="slide")


def _card(state: ClassifyState, chosen: pd.DataFrame) -> None:
    """Show the one selected cell: its crop, what it counts as, its size, and the way to its explanation."""
    cell = chosen.iloc[0]
    colour = class_colour(str(cell["outcome"]), state.results.classes)
    folder = state.results.folder / str(cell["stem"])
    side_px = state.results.kept("window", make=lambda: window_side_px(state.results.cells))
    uris = cell_uris(folder, state.image, chosen, [colour], side_px=side_px)
    with st.container(horizontal=True, vertical_alignment="center", key="cell_card"):
        alt = f"Crop of cell {int(cell['cell_id'])}"
        show_picture(uris[int(cell["cell_id"])], alt=alt, width_px=_CARD_PX, height_px=_CARD_PX)
        with st.container(gap="xsmall"):
            st.markdown(f"**Cell {int(cell['cell_id'])}** counts as **{escape(cell['outcome'])}**.")
            st.caption(_numbers(state, cell))
            if state.target and st.button("Explain this cell", icon=":material/lightbulb:", key="explain_one"):
                choose_cell(int(cell["cell_id"]))
                st.switch_page(EXPLAIN_PAGE)
            if st.button("Mend its outline", icon=":material/draw:", key="mend_one"):
                choose_cell(int(cell["cell_id"]))
                st.session_state["segment_mode"] = CORRECT
                st.switch_page(SEGMENT_PAGE)


def _numbers(state: ClassifyState, cell: pd.Series) -> str:
    parts = []
    if state.target and cell["outcome"] != UNLIKE and pd.notna(cell[f"p_{state.target}"]):
        parts.append(f"p({escape(state.target)}) {cell[f'p_{state.target}']:.2f}")
    if pd.notna(cell.get("area_um2")):
        parts.append(f"{cell['area_um2']:,.0f} µm²")
    else:
        parts.append(f"{cell['area_px']:,.0f} px²")
    if cell.get("qc_reason"):
        parts.append(str(cell["qc_reason"]))
    return " · ".join(parts)
