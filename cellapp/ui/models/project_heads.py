"""Heads of the project on the Models page: their figures, to take home as a zip, to bring in, to remove with undo."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import streamlit as st

from cellapp.errors import CellappError
from cellapp.store.head_zip import export_head, import_head
from cellapp.store.heads import HeadRecord, list_heads, remove_head, restore_head
from cellapp.ui.components.kept_model import export_and_remove, undo_removal
from cellapp.ui.components.messages import capital, escape, show_error
from cellapp.ui.components.model_badges import accuracy_text, cached_head
from cellapp.ui.components.uploaded import Uploaded, upload_field
from cellapp.ui.models.model_cards import card_columns


def heads_section(project_id: str) -> None:
    """Draw the heads that a project keeps.

    Parameters
    ----------
    project_id : str
    """
    heads = list_heads(project_id)
    st.subheader("Of this project")
    if not heads:
        st.caption("None yet: train one, or bring one in.")
    places = card_columns() if heads else ()
    for at, head in enumerate(heads):
        with places[at * len(places) // len(heads)]:
            _head_card(head)
    undo_removal(partial(list_heads, project_id, removed=True), restore_head)
    _bring_in(project_id)
    st.subheader("Of the program")


def _head_card(head: HeadRecord) -> None:
    with st.container(border=True, key=f"head_{head.id}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f":material/donut_small: **{escape(head.name)}**", width="content")
            st.badge("Of this project", icon=":material/check:", color="green", help=escape(head.identity))
        loaded = cached_head(head.identity)
        if loaded is None:
            st.error("Its files cannot be read; import or train it again.", icon=":material/error:")
        else:
            st.markdown(escape(loaded.trained_on))
            st.caption(escape(f"{capital(accuracy_text(loaded))}. Made {head.created:%d %B %Y}."))
            _card(head)
        with st.container(horizontal=True, gap="small"):
            export_and_remove(head, partial(export_head, head), f"{head.name}.zip", remove_head)


def _card(head: HeadRecord) -> None:
    written = head.folder / "card.md"
    details = st.expander("Card and figures", on_change="rerun", key=f"head_details_{head.id}")
    if details.open and written.is_file():
        details.markdown(written.read_text(encoding="utf-8"))


def _bring_in(project_id: str) -> None:
    n_before = st.session_state.setdefault("heads_imported", 0)
    files = upload_field("Import a head (ZIP)", types=["zip"], key=f"import_head_{n_before}")
    if not files:
        return
    try:
        record = _arrived(project_id, files[0])
    except CellappError as error:
        show_error(error)
        return
    st.toast(f"{escape(record.name)} is in this project.", icon=":material/check:")
    st.session_state["heads_imported"] = n_before + 1  # another key empties the field
    st.rerun()


def _arrived(project_id: str, file: Uploaded) -> HeadRecord:
    """Add an uploaded zip to a project."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (Path(file.name).name or "head.zip")
        file.write_to(path)
        return import_head(project_id, path)
