"""The cells gathered on any page, over all images of a run: one selection that every view reads and writes."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import streamlit as st

from cellapp.store.records import RunRecord

_SELECTED, _SOURCE = "chosen_cells", "chosen_cells_by"


def selected(run: RunRecord, cells: pd.DataFrame) -> list[int]:
    """Return row numbers of the selected cells, in the table's order.

    Parameters
    ----------
    run : RunRecord
    cells : DataFrame
        The run's table with `image_id` and `cell_id`.
    """
    chosen = st.session_state.get(_SELECTED, {})
    rows: list[int] = []
    for place, cell_ids in chosen.items():
        run_id, _, image_id = place.partition("/")
        if run_id == run.id:
            here = (cells["image_id"] == image_id) & cells["cell_id"].isin(cell_ids)
            rows += cells.index[here].tolist()
    return sorted(rows)


def select(run: RunRecord, cells: pd.DataFrame, rows: Iterable[int], *, source: str) -> None:
    """Select rows of the run's table; `source` is the view in which that was done."""
    chosen = cells.loc[sorted(set(rows)), ["image_id", "cell_id"]]
    st.session_state[_SELECTED] = {
        f"{run.id}/{image_id}": group["cell_id"].astype(int).tolist() for image_id, group in chosen.groupby("image_id")
    }
    st.session_state[_SOURCE] = source if len(chosen) else None


def source() -> str | None:
    """Return the view in which the selection was made, None without one."""
    return st.session_state.get(_SOURCE)


def clear() -> None:
    """Select nothing."""
    st.session_state[_SELECTED] = {}
    st.session_state[_SOURCE] = None
