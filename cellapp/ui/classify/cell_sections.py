"""The lower half of the Classify page: pictures and table of the selected cells, and what can be done with them."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from cellapp.rendering.colours import class_colour
from cellapp.ui.classify.page_state import THIS_IMAGE, ClassifyState
from cellapp.ui.classify.relabel_controls import relabel_controls
from cellapp.ui.components.gallery import ORDERS, Tile, page_of, show_gallery, sort_cells
from cellapp.ui.layout.cell_thumbnails import cell_uris, window_side_px
from cellapp.ui.session import selection

PAGE_SIZE = 36
TABLE_ROWS = 2_000
EXPLAIN_PAGE = "pages/analyse/explain.py"
_COLUMNS = (
    "image",
    "cell_id",
    "outcome",
    "margin",
    "unlike_training",
    "area_um2",
    "area_px",
    "qc_reason",
    "manual_label",
)


def gallery_section(view: ClassifyState) -> None:
    """Draw crops of the selected cells, else of all in scope, with what can be done with the ticked ones."""
    cells = view.called.loc[view.chosen] if view.chosen else view.cells
    _heading(view, len(cells))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        order = st.selectbox("Sort", list(ORDERS), key="gallery_order", persist_state="session", width=260)
        page = page_of(len(cells), size=PAGE_SIZE, key="gallery_page")
    shown = sort_cells(cells, str(order), target=view.target).iloc[page]
    key = f"gallery_{view.results.run.id}"
    ticked = [int(row) for row in show_gallery(_tiles(view, shown), key=key)]
    _actions(view, sorted({*ticked, *_ticked_rows(view)}) or view.chosen)


def table_section(view: ClassifyState) -> None:
    """Draw the cells as a table; ticking rows selects them, a selection made elsewhere shows only its cells."""
    own = selection.made_in() in (None, "table")
    cells = _tabled(view)
    event = st.dataframe(
        _columns(view, cells),
        key=_table_key(view),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        column_config=_column_config(view),
        alt="Table of cells",
    )
    total = len(view.cells) if own else len(view.chosen)
    if total > TABLE_ROWS:
        st.caption(f"The first {TABLE_ROWS:,} of {total:,} cells; the files have all of them.")
    if own:
        rows = [int(cells.index[at]) for at in event["selection"]["rows"] if at < len(cells)]
        view.take(rows, source="table")


def _heading(view: ClassifyState, n_cells: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        words = "selected" if view.chosen else "in this image" if view.scope == THIS_IMAGE else "in all images"
        st.subheader(f"{n_cells:,} {'cell' if n_cells == 1 else 'cells'} {words}")
        if view.chosen:
            st.button("Clear selection", icon=":material/close:", type="tertiary", key="clear_cells", on_click=_clear)
        else:
            st.caption("To select cells, circle points, click cells on the slide or tick rows of the table.")


def _clear() -> None:
    selection.clear()
    for key in [key for key in st.session_state if str(key).startswith("classify_table_")]:
        del st.session_state[key]


def _tiles(view: ClassifyState, cells: pd.DataFrame) -> list[Tile]:
    side_px = window_side_px(view.called)
    uris: dict[int, str] = {}
    for image_id, part in cells.groupby("image_id", sort=False):
        if str(image_id) not in view.images:
            continue
        colours = [class_colour(name, view.results.classes) for name in part["outcome"]]
        folder = view.results.folder / part["stem"].iloc[0]
        found = cell_uris(folder, view.images[str(image_id)], part, colours, side_px=side_px)
        uris |= dict(zip(part.index, found.values(), strict=True))
    return [_tile(view, row, cell, uris[row]) for row, cell in cells.iterrows() if row in uris]


def _tile(view: ClassifyState, row: object, cell: pd.Series, uri: str) -> Tile:
    outcome = str(cell["outcome"])
    p = cell.get(f"p_{view.target}") if view.target else None
    sure = f" · {p:.2f}" if p is not None and pd.notna(p) else ""
    note = f"Cell {cell['cell_id']} of {cell['image']}: {outcome}"
    if sure:
        note += f", p({view.target}) {p:.2f}"
    if cell.get("qc_reason"):
        note += f", {cell['qc_reason']}"
    colour = class_colour(outcome, view.results.classes)
    return Tile(str(row), uri, f"{cell['cell_id']}{sure}", outcome[:1].upper(), colour, note)


def _actions(view: ClassifyState, rows: list[int]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        relabel_controls(view.results, rows)
        if st.button("Explain", icon=":material/lightbulb:", key="explain_cells", disabled=not (rows and view.target)):
            selection.select(view.results.run, view.called, rows, source="gallery")
            st.switch_page(EXPLAIN_PAGE)


def _tabled(view: ClassifyState) -> pd.DataFrame:
    own = selection.made_in() in (None, "table")
    cells = view.cells if own else view.called.loc[view.chosen]
    return sort_cells(cells, next(iter(ORDERS)), target=view.target).head(TABLE_ROWS)


def _table_key(view: ClassifyState) -> str:
    own = selection.made_in() in (None, "table")
    return f"classify_table_{hash((view.drawn, None if own else tuple(view.chosen)))}"


def _ticked_rows(view: ClassifyState) -> list[int]:
    """Return rows ticked in the table while it shows a selection made elsewhere."""
    if selection.made_in() in (None, "table"):
        return []
    cells = _tabled(view)
    ticked = (st.session_state.get(_table_key(view)) or {}).get("selection", {}).get("rows", [])
    return [int(cells.index[at]) for at in ticked if at < len(cells)]


def _columns(view: ClassifyState, cells: pd.DataFrame) -> pd.DataFrame:
    probabilities = [f"p_{name}" for name in view.results.classes]
    wanted = [*_COLUMNS[:3], *probabilities, *_COLUMNS[3:]]
    if "area_um2" in cells:
        wanted.remove("area_px")
    return cells[[name for name in wanted if name in cells]]


def _column_config(view: ClassifyState) -> dict[str, object]:
    column = st.column_config
    shares = {
        f"p_{name}": column.ProgressColumn(f"p({name})", format="%.2f", min_value=0, max_value=1)
        for name in view.results.classes
    }
    return {
        "image": column.TextColumn("Image"),
        "cell_id": column.NumberColumn("Cell", format="%d"),
        "outcome": column.TextColumn("Counts as"),
        "margin": column.NumberColumn("Margin", format="%.2f", help="How far from being called otherwise, 0 to 1"),
        "unlike_training": column.CheckboxColumn("Unlike training"),
        "area_um2": column.NumberColumn("Area, µm²", format="%,.0f"),
        "area_px": column.NumberColumn("Area, px²", format="%,.0f"),
        "qc_reason": column.TextColumn("Rejected because"),
        "manual_label": column.TextColumn("By hand"),
        **shares,
    }
