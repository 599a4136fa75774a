"""The classes of a project: named, renamed, put in the order of their keys, and taken away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from cellapp.errors import CellappError, InputError
from cellapp.jobs.label_requests import request_label_files
from cellapp.store.class_rename import rename_class
from cellapp.store.project_classes import ProjectClasses, project_classes, set_classes
from cellapp.ui.components.messages import escape, show_error
from cellapp.ui.learn.label.state import LabelState


def class_editor(state: LabelState) -> None:
    """Draw the menu in which classes are edited."""
    menu = st.popover("Classes", icon=":material/label:", key="label_classes", on_change="rerun")
    if not menu.open:
        return
    with menu:
        n_saved = st.session_state.get("label_classes_saved", 0)
        edited = st.data_editor(
            class_table(state.classes.names, state.labelling.counts),
            key=f"label_classes_{n_saved}",
            num_rows="dynamic",
            hide_index=True,
            disabled=["Cells"],
            column_config=_columns(),
            alt="Classes in the order of their keys",
        )
        names = list(state.classes.names)
        at = names.index(state.classes.positive) if state.classes.positive in names else 0
        help_ = "The class that metrics are about."
        positive = (
            st.selectbox(
                "Positive class", names, index=at, format_func=escape, key=f"label_positive_{n_saved}", help=help_
            )
            if names
            else None
        )
        if st.button("Save classes", icon=":material/check:", key="label_classes_save", type="primary"):
            _save(state, edited, positive)


def first_classes(state: LabelState) -> None:
    """Draw the naming of classes where there are none: the page starts with it."""
    st.markdown("**What are the classes?** One key will give each; any names, more can come later.")
    with st.form("label_first", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        suggested = suggestions(state)
        first = st.text_input("Key 1", suggested[0], key="label_first_1", width=220, max_chars=100)
        second = st.text_input("Key 2", suggested[1], key="label_first_2", width=220, max_chars=100)
        start = st.form_submit_button("Start labelling", type="primary", key="label_start")
    if start:
        try:
            set_classes(state.page.project.id, [name for name in (first, second) if name.strip()])
        except CellappError as error:
            show_error(error)
            return
        st.rerun()


def suggestions(state: LabelState) -> tuple[str, str]:
    """Return two names to start from: of the run's head, of the cell lines in the image table, or none."""
    lines = dict.fromkeys(image.conditions.get("cell_line", "").strip() for image in state.images.values())
    names = [*state.results.classes] or sorted(name for name in lines if name)
    return (names[0], names[1]) if len(names) > 1 else ("", "")


def class_table(names: Sequence[str], counts: Mapping[str, int]) -> pd.DataFrame:
    """Return the classes as the editor shows them: key, class, name before, cells."""
    rows = [(at + 1, name, counts.get(name, 0)) for at, name in enumerate(names)]
    return pd.DataFrame(rows, columns=["Key", "Class", "Cells"]).astype({"Class": object})


def changes(names: Sequence[str], edited: pd.DataFrame) -> tuple[dict[str, str], list[str]]:
    """Return what an edited `class_table` asks for: name before -> name, and all names in the order of the keys.

    Raises
    ------
    InputError
        A row has no name.
    """
    renamed: dict[str, str] = {}
    order: list[tuple[float, int, str]] = []
    for position, (index, row) in enumerate(edited.iterrows()):
        name = "" if pd.isna(row["Class"]) else str(row["Class"]).strip()
        if not name:
            raise InputError(f"row {position + 1} has no name; type one in or take the row out")
        before = names[int(index)] if isinstance(index, int) and index < len(names) else None
        if before is not None and before != name:
            renamed[before] = name
        order.append((len(edited) + 1 if pd.isna(row["Key"]) else float(row["Key"]), position, name))
    return renamed, [name for *_, name in sorted(order)]


def apply_changes(
    project_id: str, before: ProjectClasses, edited: pd.DataFrame, positive: str | None
) -> dict[str, str]:
    """Rename, order, add and take away classes as an edited `class_table` says; returns what was renamed.

    Raises
    ------
    InputError
        A name cannot be one, or a class that is taken away has labels.
    """
    renamed, names = changes(before.names, edited)
    gone = [name for name in before.names if renamed.get(name, name) not in names]
    if gone:  # first: it may be refused, and then nothing is changed
        set_classes(project_id, [name for name in project_classes(project_id).names if name not in gone])
    for old, new in renamed.items():
        rename_class(project_id, old, new)
    wanted = renamed.get(positive, positive) if positive else None
    set_classes(project_id, names, wanted if wanted in names else None)
    return renamed


def _save(state: LabelState, edited: pd.DataFrame, positive: str | None) -> None:
    try:
        renamed = apply_changes(state.page.project.id, state.classes, edited, positive)
    except CellappError as error:
        show_error(error)
        return
    if renamed:  # files of every run may show the old name
        for run in state.page.runs:
            request_label_files(run.id, [image.image_id for image in run.images])
    st.session_state["label_classes_saved"] = st.session_state.get("label_classes_saved", 0) + 1
    st.rerun()


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "Key": column.NumberColumn(
            "Key", format="%d", min_value=1, width="small", help="1 to 9 are keys, more by click."
        ),
        "Class": column.TextColumn("Class", max_chars=100, required=True),
        "Cells": column.NumberColumn("Cells", format="localized", width="small"),
    }
