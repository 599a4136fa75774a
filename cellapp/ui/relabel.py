"""A person's word on cells, given by picking a class."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from cellapp.corrections import correct_cells
from cellapp.errors import CellappError
from cellapp.ui.messages import show_error
from cellapp.ui.results import Results

AS_CALLED = "as the head says"
NEW_CLASSES = ("cancer", "normal")
"""Offered where no head was used."""


def labels_by_image(cells: pd.DataFrame, rows: Sequence[int], label: str) -> dict[str, dict[int, str]]:
    """Return what `correct_cells` takes, for rows of a run's table."""
    chosen = cells.loc[list(rows), ["image_id", "cell_id"]]
    return {
        str(image_id): dict.fromkeys(group["cell_id"].astype(int).tolist(), label)
        for image_id, group in chosen.groupby("image_id")
    }


def relabel_controls(results: Results, rows: Sequence[int]) -> None:
    """Draw the choice of a class and the button that gives it to `rows`."""
    classes = [*(results.classes or NEW_CLASSES), AS_CALLED]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        label = st.selectbox("Call them", classes, key="relabel_class", width=200, disabled=not rows)
        words = f"Relabel {len(rows):,} {'cell' if len(rows) == 1 else 'cells'}" if rows else "Relabel"
        if st.button(words, icon=":material/edit:", key="relabel_apply", disabled=not rows):
            _apply(results, rows, "" if label == AS_CALLED else str(label))


def _apply(results: Results, rows: Sequence[int], label: str) -> None:
    try:
        with st.spinner("Writing the new labels into the run's files"):
            correct_cells(results.run.id, labels_by_image(results.cells, rows, label))
    except CellappError as error:
        show_error(error)
        return
    st.toast(f"{len(rows):,} cells relabelled.", icon=":material/check:")
    st.rerun()
