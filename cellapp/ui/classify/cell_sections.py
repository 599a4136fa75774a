"""The lower half of the Classify page: crops and table of the selected cells, and their classes by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from cellapp.cells.counts import UNLIKE
from cellapp.rendering.annotations import outcome_letter
from cellapp.rendering.colours import class_colour
from cellapp.ui.classify.called_cells import THIS_IMAGE, ClassifyState
from cellapp.ui.components.gallery import ORDERS, Tile, page_of, show_gallery, sort_cells
from cellapp.ui.components.messages import escape
from cellapp.ui.components.scale_bar import bar_of
from cellapp.ui.layout.cell_thumbnails import cell_uris, window_side_px
from cellapp.ui.layout.frame import EXPLAIN_PAGE
from cellapp.ui.layout.relabel import labels_by_image, relabel
from cellapp.ui.session import selection
from cellapp.ui.session.results import Results

PAGE_SIZE = 36
_P_PX = 84  # of a probability: its bar and number
TABLE_ROWS = 2_000
AS_CALLED = "as the head says"
NEW_CLASSES = ("cancer", "normal")
"""Classes by hand where no head was used."""

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


@st.fragment
def gallery_section(state: ClassifyState) -> None:
    """Draw crops of the selected cells, else of all in scope, with what can be done with the ticked ones."""
    n_cells = len(state.selected or state.cells)
    _heading(state, n_cells)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        order = st.selectbox("Sort", list(ORDERS), key="gallery_order", persist_state="session", width=260)
        page = page_of(n_cells, size=PAGE_SIZE, key="gallery_page")
        shown = _sorted(state, str(order), page, selected=bool(state.selected))
        if _told(shown, state.target):
            st.caption(f"Below each cell: number and p({escape(state.target)})", width="content")
    tiles = _tiles(state, shown)
    ticked = [int(row) for row in show_gallery(tiles, key=f"gallery_{state.results.run.id}")]
    rows = sorted({*ticked, *_ticked_in_table(state)}) or state.selected
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        _relabel_controls(state.results, rows)
        if st.button("Explain", icon=":material/lightbulb:", key="explain_cells", disabled=not (rows and state.target)):
            selection.select(state.results.run, state.all_cells, rows, source="gallery")
            st.switch_page(EXPLAIN_PAGE)


def table_section(state: ClassifyState) -> None:
    """Draw the cells as a table; ticking rows selects them, a selection made elsewhere shows only its cells."""
    own = _table_selects()
    cells = _table_cells(state)
    event = st.dataframe(
        _columns(state, cells),
        key=_table_key(state),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        column_config=_column_config(state),
        placeholder="",
        alt="Table of cells",
    )
    total = len(state.cells) if own else len(state.selected)
    if total > TABLE_ROWS:
        st.caption(f"The first {TABLE_ROWS:,} of {total:,} cells; the files have all of them.")
    if own:
        state.adopt(_rows_at(cells, event["selection"]["rows"]), source="table")


def _sorted(state: ClassifyState, order: str, part: slice, *, selected: bool) -> pd.DataFrame:
    """Return a part of the selected cells or of those in scope, sorted."""
    if selected:
        return sort_cells(state.all_cells.loc[state.selected], order, target=state.target).iloc[part]

    def make() -> np.ndarray:
        return sort_cells(state.cells, order, target=state.target).index.to_numpy()

    return state.all_cells.iloc[state.kept_in_scope("order", order, make=make)[part]]


def _relabel_controls(results: Results, rows: Sequence[int]) -> None:
    """Draw the choice of a class and the button that gives it to `rows`."""
    classes = [*(results.classes or NEW_CLASSES), AS_CALLED]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        label = st.selectbox("Class by hand", classes, key="relabel_class", width=200, disabled=not rows)
        button = f"Relabel {len(rows):,} {'cell' if len(rows) == 1 else 'cells'}" if rows else "Relabel"
        if st.button(button, icon=":material/edit:", key="relabel_apply", disabled=not rows):
            labels = labels_by_image(results.cells, rows, "" if label == AS_CALLED else str(label))
            if relabel(results.run, labels) is not None:
                st.rerun()


def _heading(state: ClassifyState, n_cells: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        where = "selected" if state.selected else "in this image" if state.scope == THIS_IMAGE else "in all images"
        st.subheader(f"{n_cells:,} {'cell' if n_cells == 1 else 'cells'} {where}")
        if state.selected:
            st.button("Clear selection", icon=":material/close:", type="tertiary", key="clear_cells", on_click=_clear)
        else:
            st.caption("To select cells, circle points, click cells on the slide or tick rows of the table.")


def _clear() -> None:
    selection.clear()
    for key in [key for key in st.session_state if str(key).startswith("classify_table_")]:
        del st.session_state[key]


def _tiles(state: ClassifyState, cells: pd.DataFrame) -> list[Tile]:
    side_px = state.results.kept("window", make=lambda: window_side_px(state.results.cells))
    uris: dict[int, str] = {}
    for image_id, part in cells.groupby("image_id", sort=False):
        if str(image_id) not in state.images:
            continue
        colours = [class_colour(name, state.results.classes) for name in part["outcome"]]
        folder = state.results.folder / part["stem"].iloc[0]
        uris_by_id = cell_uris(folder, state.images[str(image_id)], part, colours, side_px=side_px)
        uris |= dict(zip(part.index, uris_by_id.values(), strict=True))
    return [_tile(state, row, cell, uris[row], side_px) for row, cell in cells.iterrows() if row in uris]


def _told(cells: pd.DataFrame, target: str) -> bool:
    """Whether a probability stands below any of the cells, see `_tile`."""
    return bool(target) and bool((cells[f"p_{target}"].notna() & (cells["outcome"] != UNLIKE)).any())


def _tile(state: ClassifyState, row: object, cell: pd.Series, uri: str, side_px: int) -> Tile:
    outcome = str(cell["outcome"])
    told = state.target and outcome != UNLIKE  # a number beside a cell nobody can judge would be read as a call
    p = cell.get(f"p_{state.target}") if told else None
    probability = f" · {p:.2f}" if p is not None and pd.notna(p) else ""
    note = f"Cell {cell['cell_id']} of {cell['image']}: {outcome}"
    if probability:
        note += f", p({state.target}) {p:.2f}"
    if cell.get("qc_reason"):
        note += f", {cell['qc_reason']}"
    colour, letter = class_colour(outcome, state.results.classes), outcome_letter(outcome, state.results.classes)
    bar = bar_of(side_px, state.images[str(cell["image_id"])].um_per_px)
    return Tile(str(row), uri, f"{cell['cell_id']}{probability}", letter, colour, note, bar)


def _table_selects() -> bool:
    """Whether ticks in the table are the selection; they are not while it shows one made elsewhere."""
    return selection.selected_in() in (None, "table")


def _table_cells(state: ClassifyState) -> pd.DataFrame:
    return _sorted(state, next(iter(ORDERS)), slice(TABLE_ROWS), selected=not _table_selects())


def _table_key(state: ClassifyState) -> str:
    return f"classify_table_{hash((state.version_key, None if _table_selects() else tuple(state.selected)))}"


def _ticked_in_table(state: ClassifyState) -> list[int]:
    """Return rows ticked in the table while it shows a selection made elsewhere."""
    if _table_selects():
        return []
    ticked = (st.session_state.get(_table_key(state)) or {}).get("selection", {}).get("rows", [])
    return _rows_at(_table_cells(state), ticked)


def _rows_at(cells: pd.DataFrame, positions: Sequence[int]) -> list[int]:
    """Return the row numbers at some positions of a table that may have become shorter."""
    return [int(cells.index[at]) for at in positions if at < len(cells)]


def _columns(state: ClassifyState, cells: pd.DataFrame) -> pd.DataFrame:
    probabilities = [f"p_{name}" for name in state.results.classes]
    names = [*_COLUMNS[:3], *probabilities, *_COLUMNS[3:]]
    if state.answer.mostly_unlike:  # numbers nobody should read as calls; the files have them
        names = list(_COLUMNS[:3] + _COLUMNS[4:])
    if "area_um2" in cells:
        names.remove("area_px")
    table = cells[[name for name in names if name in cells]]
    told = table["outcome"] != UNLIKE
    return table.assign(**{name: table[name].where(told) for name in probabilities if name in table})


def _column_config(state: ClassifyState) -> dict[str, object]:
    column = st.column_config
    shares = {
        f"p_{name}": column.ProgressColumn(f"p({name})", format="%.2f", width=_P_PX, min_value=0, max_value=1)
        for name in state.results.classes
    }
    return {
        "image": column.TextColumn("Image", width=124),
        "cell_id": column.NumberColumn("Cell", format="%d", width=50),
        "outcome": column.TextColumn("Counts as", width=90),
        "margin": column.NumberColumn(
            "Margin", format="%.2f", width=70, help="How far from being called otherwise, 0 to 1"
        ),
        "unlike_training": column.CheckboxColumn("Unlike training", width=110),
        "area_um2": column.NumberColumn("Area, µm²", format="%,.0f", width=90),
        "area_px": column.NumberColumn("Area, px²", format="%,.0f", width=90),
        "qc_reason": column.TextColumn("Rejected because"),
        "manual_label": column.TextColumn("By hand"),
        **shares,
    }
