"""The slide with its cells on the result pages: click a cell to select it, draw a rectangle for several."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from cellapp.rendering.colours import class_colour
from cellapp.store.records import ImageRecord
from cellapp.types.image import Region
from cellapp.ui.classify.page_state import ClassifyState
from cellapp.ui.components.viewer import RINGS, Picked, show_image
from cellapp.ui.explain.cell_maps import SELECTED
from cellapp.ui.layout.cell_thumbnails import cell_uris, cells_layer, labels_of, slide_layer, window_side_px
from cellapp.ui.session import selection, url
from cellapp.ui.session.results import Results
from cellapp.viewer.label_tiles import cell_at

EXPLAIN_PAGE = "pages/analyse/explain.py"
_BOX = {"bbox_y0_px": "min", "bbox_x0_px": "min", "bbox_y1_px": "max", "bbox_x1_px": "max"}
_CARD_PX = 120
_MIN_FOCUS_PX = 256
_ROOM = 6.0  # times the size of a cell that is jumped to


def slide_section(view: ClassifyState) -> None:
    """Draw the slide with its cells in the colours of their calls; what is picked is selected on the whole page."""
    entry = view.results.run.image(view.image.id)
    if entry is None or entry.stem not in dict(view.results.version):
        st.caption("This image has no result in this run.")
        return
    chosen = view.here[view.here.index.isin(view.chosen)]
    opacity = st.slider("Outlines", 0.0, 1.0, 0.9, 0.1, key="classify_opacity", persist_state="session", width=220)
    cells = cells_layer(view.results, view.image, threshold=view.threshold, opacity=opacity)
    picked = show_image(
        view.image,
        [slide_layer(view.image), cells],
        key=f"classify_slide_{view.image.id}",
        alt=f"{view.image.name} with the outline of each cell in the colour of its class",
        um_per_px=view.results.run.settings.um_per_px or view.image.um_per_px,
        ringed=_rings(chosen),
        focus=_around(chosen) if selection.made_in() != "slide" else None,
        pick=("point", "box"),
        height=460,
    )
    if len(chosen) == 1:
        _card(view, chosen)
    elif len(chosen) > RINGS:
        st.caption(f"{len(chosen):,} cells are selected; the first {RINGS:,} are ringed.")
    if picked != Picked():  # a viewer that was just opened has nothing to say; a click beside all cells has
        view.take(rows_under(picked, view.here, lambda y, x: _cell_id(view.results, entry.stem, y, x)), source="slide")


def place_section(results: Results, image: ImageRecord, here: pd.DataFrame, cell: pd.Series) -> None:
    """Draw where a cell lies on its slide; another cell that is clicked is explained in its place.

    Parameters
    ----------
    results : Results
    image : ImageRecord
    here : DataFrame
        Cells of the image that can be explained.
    cell : Series
        The one that is explained now.
    """
    settings, stem = results.run.settings, str(cell["stem"])

    def take(picked: Picked) -> None:
        rows = rows_under(picked, here, lambda y, x: _cell_id(results, stem, y, x))
        if rows:
            selection.select(results.run, here, rows[:1], source="explain")
            url.select_cell(int(here.loc[rows[0], "cell_id"]))
            st.session_state["explain_list"] = SELECTED

    now = here[here["cell_id"] == cell["cell_id"]]
    show_image(
        image,
        [slide_layer(image), cells_layer(results, image, threshold=settings.classify.threshold, opacity=0.9)],
        key=f"explain_slide_{image.id}",
        alt=f"{image.name} with a ring around cell {int(cell['cell_id'])}",
        um_per_px=settings.um_per_px or image.um_per_px,
        ringed=_rings(now),
        focus=_around(now),
        pick=("point",),
        on_pick=take,
        height=360,
    )
    st.caption("Click another cell to explain it.")


def rows_under(picked: Picked, cells: pd.DataFrame, cell_id_at: Callable[[int, int], int]) -> list[int]:
    """Return the rows of the cells under what was marked.

    Parameters
    ----------
    picked : Picked
    cells : DataFrame
        Of the image, with `cell_id` and centroids.
    cell_id_at : callable
        Says which cell covers a pixel (y, x), 0 where none does.

    Returns
    -------
    list of int
        Index labels of `cells`: those with their centroid in a rectangle; the one under a point, else the nearest
        within the reach of a touch.
    """
    y, x = cells["centroid_y_px"].to_numpy(float), cells["centroid_x_px"].to_numpy(float)
    if picked.region is not None:
        box = picked.region
        inside = (y >= box.y) & (y < box.y + box.height) & (x >= box.x) & (x < box.x + box.width)
        return cells.index[inside].tolist()
    if picked.point is None or cells.empty:
        return []
    found = cells.index[cells["cell_id"] == cell_id_at(*picked.point)].tolist()
    away = np.hypot(y - picked.point[0], x - picked.point[1])
    return found or cells.index[away <= min(picked.reach_px, away.min())].tolist()[:1]


def _cell_id(results: Results, stem: str, y: int, x: int) -> int:
    return cell_at(labels_of(results.folder / stem), y, x)


def _rings(cells: pd.DataFrame) -> list[tuple[float, float, float]]:
    sizes = np.hypot(cells["bbox_y1_px"] - cells["bbox_y0_px"], cells["bbox_x1_px"] - cells["bbox_x0_px"]) / 2
    return list(zip(cells["centroid_y_px"].tolist(), cells["centroid_x_px"].tolist(), sizes.tolist(), strict=True))


def _around(cells: pd.DataFrame) -> Region | None:
    """Return a region that shows some cells with what surrounds them; None without cells."""
    if cells.empty:
        return None
    y0, x0, y1, x1 = (cells[name].agg(how) for name, how in _BOX.items())
    side = max(_MIN_FOCUS_PX, _ROOM * (cells["bbox_y1_px"] - cells["bbox_y0_px"]).median(), y1 - y0, x1 - x0)
    return Region(int((y0 + y1 - side) / 2), int((x0 + x1 - side) / 2), int(side), int(side))


def _card(view: ClassifyState, chosen: pd.DataFrame) -> None:
    """Show the one selected cell: its crop, what it counts as, its size, and the way to its explanation."""
    cell = chosen.iloc[0]
    colour = class_colour(str(cell["outcome"]), view.results.classes)
    folder = view.results.folder / str(cell["stem"])
    uris = cell_uris(folder, view.image, chosen, [colour], side_px=window_side_px(view.called))
    with st.container(horizontal=True, vertical_alignment="center", key="cell_card"):
        st.image(uris[int(cell["cell_id"])], width=_CARD_PX, alt=f"Crop of cell {int(cell['cell_id'])}")
        with st.container(gap="xsmall"):
            st.markdown(f"**Cell {int(cell['cell_id'])}** counts as **{cell['outcome']}**.")
            st.caption(_numbers(view, cell))
            if view.target and st.button("Explain this cell", icon=":material/lightbulb:", key="explain_one"):
                url.select_cell(int(cell["cell_id"]))
                st.switch_page(EXPLAIN_PAGE)


def _numbers(view: ClassifyState, cell: pd.Series) -> str:
    parts = []
    if view.target and pd.notna(cell[f"p_{view.target}"]):
        parts.append(f"p({view.target}) {cell[f'p_{view.target}']:.2f}")
    if pd.notna(cell.get("area_um2")):
        parts.append(f"{cell['area_um2']:,.0f} µm²")
    else:
        parts.append(f"{cell['area_px']:,.0f} px²")
    if cell.get("qc_reason"):
        parts.append(str(cell["qc_reason"]))
    return " · ".join(parts)
