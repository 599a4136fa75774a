"""The table of a project's images: thumbnails, names, pixel sizes and conditions, edited in place."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from cellapp.errors import CellappError
from cellapp.store import images
from cellapp.store.records import CONDITIONS, ImageRecord
from cellapp.ui.components.forms import label
from cellapp.ui.components.messages import show_problem, undo_line
from cellapp.ui.components.viewer_layers import thumbnail_address
from cellapp.ui.session.page_state import choose
from cellapp.ui.upload.table_edits import apply_edits, fresh_edits

_VIEW, _REMOVE = ":material/visibility: View", ":material/delete: Remove"
_ROW_PX = 44
# Of a file with many images scene and time tell the rows apart: they stand before the name, which all share.
# A column of nothing has no type of its own: the first value would change it, and a table of other types is another one
# for the browser, which drops what is being typed.
_TYPES = {"image": "string", "um_per_px": "float64"}
_SERIES_COLUMNS = ("image", "actions", "scene", "time", "name", "um_per_px")


def sample_table(records: Sequence[ImageRecord]) -> None:
    """Draw the table; edits, views and removals reach the store before the page is drawn again."""
    ids = tuple(record.id for record in records)
    key = f"samples_{hashlib.sha256('/'.join(ids).encode()).hexdigest()[:12]}"  # edits are kept by row position
    table = image_rows(records)
    st.data_editor(
        table,
        key=key,
        hide_index=True,
        row_height=_ROW_PX,
        column_config=_columns(ids),
        column_order=_order(table, records),
        placeholder="",
        disabled=["image", "scene", "size", "channels"],
        on_change=_save_edits,
        args=(key, ids),
        alt="Images of this project with their conditions",
    )
    problem = st.session_state.pop("samples_problem", None)
    if problem:
        show_problem(problem)


def segment_label(records: Sequence[ImageRecord]) -> str:
    """Return the label of the button that leads to Segment, with the number of images."""
    return f"Segment {len(records):,} {'image' if len(records) == 1 else 'images'}"


def undo_bar() -> None:
    """Offer to bring back what was removed last."""
    removed = [one for one in st.session_state.get("removed_images", []) if images.get_image(one).removed is not None]
    if not removed:
        return
    said = f"Removed {len(removed)} {'image' if len(removed) == 1 else 'images'}."
    undo_line(said, "undo_remove", _restore, tuple(removed))


def remove(image_ids: Sequence[str]) -> None:
    """Take images out of the project, for `undo_bar` to bring back."""
    for image_id in image_ids:
        images.remove_image(image_id)
    st.session_state["removed_images"] = list(image_ids)


def image_rows(records: Sequence[ImageRecord]) -> pd.DataFrame:
    """Return the table of some images, by image id; its types do not depend on what is filled in.

    Parameters
    ----------
    records : sequence of ImageRecord
        At least one.
    """
    rows = [_row(record) for record in records]
    return pd.DataFrame(rows, index=[record.id for record in records]).astype(_TYPES)


def _row(record: ImageRecord) -> dict[str, Any]:
    _, height, width = record.info.shape
    return {
        "image": thumbnail_address(record),
        "actions": [_VIEW, _REMOVE],
        "name": record.name,
        "scene": record.info.scene,
        "um_per_px": record.um_per_px,
        **{name: record.conditions.get(name, "") for name in CONDITIONS},
        "size": f"{width:,} x {height:,}",
        "channels": ", ".join(record.channels),
    }


def _order(table: pd.DataFrame, records: Sequence[ImageRecord]) -> list[str]:
    scenes, series = table["scene"].any(), any(record.info.scene or record.info.time for record in records)
    names = dict.fromkeys([*(_SERIES_COLUMNS if series else ()), *table.columns])
    return [name for name in names if scenes or name != "scene"]


def _columns(ids: tuple[str, ...]) -> dict[str, Any]:
    column = st.column_config
    return {
        "image": column.ImageColumn("", width=_ROW_PX + 12, pinned=True),
        "name": column.TextColumn("Name", width=140, required=True, max_chars=200),
        "scene": column.TextColumn("Scene", width=90),
        "size": column.TextColumn("Size, px", width=95),
        "channels": column.TextColumn("Channels", width=170),
        "um_per_px": column.NumberColumn(
            "µm per px",
            min_value=0.0,
            max_value=1000.0,
            width=105,
            help="Pixel size; type it in where the file has none.",
        ),
        **{
            name: column.TextColumn(label(name), width=100 if name == "treatment" else 80, max_chars=200)
            for name in CONDITIONS
        },
        "actions": column.ButtonColumn("", width=44, type="tertiary", on_click=_act, args=(ids,), key="sample_action"),
    }


def _act(ids: tuple[str, ...]) -> None:
    click = st.session_state["sample_action"]
    image_id = ids[click["row"]]
    if click["label"] == _REMOVE:
        remove([image_id])
    else:
        choose("image", image_id)


def _save_edits(key: str, ids: tuple[str, ...]) -> None:
    edits = {int(row): dict(changes) for row, changes in st.session_state[key]["edited_rows"].items()}
    fresh = fresh_edits(st.session_state.get(f"{key}_saved", {}), edits)
    st.session_state[f"{key}_saved"] = edits
    try:
        apply_edits(ids, fresh)
    except CellappError as error:
        st.session_state["samples_problem"] = str(error)


def _restore(image_ids: tuple[str, ...]) -> None:
    for image_id in image_ids:
        images.restore_image(image_id)
    st.session_state.pop("removed_images", None)
