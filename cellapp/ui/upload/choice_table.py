"""Files that hold several images: a table to choose from, before anything is decoded."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from cellapp.errors import CellappError
from cellapp.images.probe import probe_all
from cellapp.images.read import selected_digest
from cellapp.store import pending
from cellapp.store.blobs import stored_path
from cellapp.store.pending import TICKED_AT_ONCE
from cellapp.store.records import ImageRecord, PendingFile, ProjectRecord
from cellapp.types.image import ImageInfo, Selection
from cellapp.ui.components.messages import escape, show_error
from cellapp.ui.upload.drop_zone import report

_ROWS_SHOWN = 12


def choose_from(project: ProjectRecord, files: Sequence[PendingFile], records: Sequence[ImageRecord]) -> None:
    """Draw a table for each file that waits; what is ticked stays in the store until it is added or dismissed.

    Parameters
    ----------
    project : ProjectRecord
    files : sequence of PendingFile
    records : sequence of ImageRecord
        Images of the project, to mark those that are there already.
    """
    here = {record.digest for record in records}
    for file in files:
        with st.container(border=True):
            try:
                listed = _listed(file.digest, file.name, project.depth)
            except CellappError as error:
                st.markdown(f"**{escape(file.name)}**")
                show_error(error)
                _dismiss_button(file)
                continue
            _one_file(file, listed, here)


def most_planes(records: Sequence[ImageRecord], files: Sequence[PendingFile]) -> int:
    """Return the most planes of depth that one of these images, or an image of one of these files, has."""
    return max([1, *(one.info.n_planes for one in records), *(_n_planes(file) for file in files)])


def _one_file(file: PendingFile, listed: Sequence[ImageInfo], here: set[str]) -> None:
    present = [selected_digest(file.digest, info.selection) in here for info in listed]
    st.markdown(f"**{escape(file.name)}** holds {_counted(listed)}. Choose the images to add.")
    key = f"choice_{file.id}_{st.session_state.get(f'choice_{file.id}', 0)}"
    rows = _ticked(file, listed, present)
    event = st.dataframe(
        _table(listed, present),
        key=key,
        hide_index=True,
        height=36 * (min(len(listed), _ROWS_SHOWN) + 1),
        column_config=_columns(),
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": rows, "columns": [], "cells": []}},
        alt=f"Images in {file.name}, to choose from",
    )
    chosen = sorted(event["selection"]["rows"])
    if chosen != rows:
        pending.tick(file.id, [listed[row].selection for row in chosen])
    _buttons(file, listed, chosen)


def _buttons(file: PendingFile, listed: Sequence[ImageInfo], chosen: Sequence[int]) -> None:
    n, every = len(chosen), len(chosen) == len(listed)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            f"Add {n:,} {'image' if n == 1 else 'images'}" if n else "Add images",
            icon=":material/add_photo_alternate:",
            type="primary",
            key=f"add_{file.id}",
            disabled=not n,
            on_click=_add,
            args=(file, [listed[row].selection for row in chosen]),
        )
        st.button(
            "Select none" if every else f"Select all {len(listed):,}",
            icon=":material/deselect:" if every else ":material/select_all:",
            type="tertiary",
            key=f"all_{file.id}",
            on_click=_tick,
            args=(file, [] if every else [info.selection for info in listed]),
        )
        _dismiss_button(file)


def _dismiss_button(file: PendingFile) -> None:
    st.button(
        "Dismiss",
        icon=":material/close:",
        type="tertiary",
        key=f"dismiss_{file.id}",
        help="Add no image of this file",
        on_click=pending.dismiss,
        args=(file.id,),
    )


def _ticked(file: PendingFile, listed: Sequence[ImageInfo], present: Sequence[bool]) -> list[int]:
    """Return the rows that are ticked: as somebody left them, else all of a short list that are not here yet."""
    if file.ticked is None:
        return [row for row, is_here in enumerate(present) if not is_here] if len(listed) <= TICKED_AT_ONCE else []
    wanted = {(one.scene, one.time) for one in file.ticked}
    return [row for row, info in enumerate(listed) if (info.selection.scene, info.selection.time) in wanted]


def _counted(listed: Sequence[ImageInfo]) -> str:
    """Say how many images there are, and of what."""
    n_scenes, n_times = listed[0].n_scenes, max(info.n_times for info in listed)
    if n_scenes == 1 or n_times == 1:
        return f"{len(listed):,} {'time points' if n_scenes == 1 else 'scenes'}"
    most = "up to " if n_scenes * n_times > len(listed) else ""
    return f"{len(listed):,} images: {n_scenes:,} scenes at {most}{n_times:,} time points"


def _table(listed: Sequence[ImageInfo], present: Sequence[bool]) -> pd.DataFrame:
    """Return one row per image, with the columns in which images can differ."""
    table = pd.DataFrame(
        {
            "scene": [info.scene for info in listed],
            "time": [info.time for info in listed],
            "size": [f"{info.shape[2]:,} x {info.shape[1]:,}" for info in listed],
            "channels": [", ".join(info.channels) for info in listed],
            "planes": [info.n_planes for info in listed],
            "state": ["here already" if is_here else "" for is_here in present],
        }
    )
    empty = {"scene": "", "time": "", "planes": 1, "state": ""}
    return table.drop(columns=[name for name, nothing in empty.items() if (table[name] == nothing).all()])


def _columns() -> dict[str, object]:
    column = st.column_config
    return {
        "scene": column.TextColumn("Scene", width=120),
        "time": column.TextColumn("Time point", width=110),
        "size": column.TextColumn("Size, px", width=105),
        "channels": column.TextColumn("Channels", width=160),
        "planes": column.NumberColumn("Planes", width=70, help="Planes of depth, which become one."),
        "state": column.TextColumn("", width=100),
    }


def _tick(file: PendingFile, chosen: Sequence[Selection]) -> None:
    """Tick these; the table gets a new key, because the browser keeps what was ticked in the one before."""
    pending.tick(file.id, chosen)
    st.session_state[f"choice_{file.id}"] = st.session_state.get(f"choice_{file.id}", 0) + 1


def _add(file: PendingFile, chosen: Sequence[Selection]) -> None:
    try:
        report(pending.choose_images(file.id, chosen))
    except CellappError as error:
        st.session_state.setdefault("upload_problems", []).append((file.name, str(error)))


@st.cache_data(max_entries=16, show_spinner="Reading what the file holds")
def _listed(digest: str, name: str, depth: str) -> tuple[ImageInfo, ...]:
    return probe_all(stored_path(digest, name, check=False), name, depth)


def _n_planes(file: PendingFile) -> int:
    try:
        return max(info.n_planes for info in _listed(file.digest, file.name, "max"))
    except CellappError:
        return 1
