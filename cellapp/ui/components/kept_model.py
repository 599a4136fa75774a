"""Buttons of a model that the project keeps: take it home, remove it, and bring it back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import IO

import streamlit as st

from cellapp.store.kept_models import KeptModel
from cellapp.ui.components.downloads import packed
from cellapp.ui.components.messages import escape, undo_line


def export_and_remove(
    model: KeptModel, write: Callable[[IO[bytes]], None], file_name: str, remove: Callable[[str], object]
) -> None:
    """Draw the two buttons, beside each other where the container is horizontal.

    Parameters
    ----------
    model : KeptModel
    write : callable
        Writes the model into an open file, when it is asked for.
    file_name : str
        Of the download.
    remove : callable
        Takes the id of the model; `undo_removal` brings back the one removed last.
    """
    st.download_button(
        "Export",
        data=partial(packed, write),
        file_name=file_name,
        icon=":material/folder_zip:",
        on_click="ignore",
        key=f"export_{model.id}",
    )
    st.button("Remove", icon=":material/delete:", key=f"remove_{model.id}", on_click=_remove, args=(model.id, remove))


def undo_removal(in_bin: Callable[[], Sequence[KeptModel]], restore: Callable[[str], object]) -> None:
    """Offer to bring back the model that this visitor removed last, where it is among those in the bin."""
    last = st.session_state.get("removed_model")
    model = next((one for one in in_bin() if one.id == last), None) if last else None
    if model is not None:
        undo_line(f"Removed {escape(model.name)}.", "undo_remove_model", restore, model.id)


def _remove(model_id: str, remove: Callable[[str], object]) -> None:
    remove(model_id)
    st.session_state["removed_model"] = model_id
