"""The cells selected on any page, over all images of a run: one selection that each chart, table and viewer shares.

A part of a page that selects cells has a name, its `source`.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import streamlit as st

from cellapp.store.records import RunRecord

_SELECTED, _SOURCE, _DRAWN, _REPORTS = "chosen_cells", "chosen_cells_by", "chosen_cells_in", "chosen_cells_heard"


def selected(run: RunRecord, cells: pd.DataFrame) -> list[int]:
    """Return row numbers of the selected cells, in the table's order.

    Parameters
    ----------
    run : RunRecord
    cells : DataFrame
        The run's table with `image_id` and `cell_id`.
    """
    rows: list[int] = []
    for key, cell_ids in st.session_state.get(_SELECTED, {}).items():
        run_id, _, image_id = key.partition("/")
        if run_id == run.id:
            chosen = (cells["image_id"] == image_id) & cells["cell_id"].isin(cell_ids)
            rows += cells.index[chosen].tolist()
    return sorted(rows)


def select(run: RunRecord, cells: pd.DataFrame, rows: Iterable[int], *, source: str, drawn: str = "") -> None:
    """Select rows of the run's table.

    Parameters
    ----------
    run : RunRecord
    cells : DataFrame
    rows : iterable of int
    source : str
        Where they were selected.
    drawn : str
        Version of what was drawn there; when that is drawn anew, the selected cells have to be marked in it.
    """
    chosen = cells.loc[sorted(set(rows)), ["image_id", "cell_id"]]
    st.session_state[_SELECTED] = {
        f"{run.id}/{image_id}": group["cell_id"].astype(int).tolist() for image_id, group in chosen.groupby("image_id")
    }
    st.session_state[_SOURCE] = source if len(chosen) else None
    st.session_state[_DRAWN] = drawn


def adopt(run: RunRecord, cells: pd.DataFrame, rows: list[int], *, source: str, drawn: str) -> bool:
    """Select what a chart, table or viewer reports when that is new; returns whether it was.

    Each reports its selection on every rerun, and an empty one after it was drawn anew: neither is new.

    Parameters
    ----------
    run : RunRecord
    cells : DataFrame
    rows : list of int
        The reported selection.
    source : str
        Where it was made.
    drawn : str
        Version of what is drawn there.
    """
    reports = st.session_state.setdefault(_REPORTS, {})
    before, now = reports.get(source), (drawn, hash(tuple(rows)))
    reports[source] = now
    if before is not None and before[1] == now[1]:
        return False
    if not rows and (before is None or before[0] != drawn or selected_in() != source):
        return False
    select(run, cells, rows, source=source, drawn=drawn)
    return True


def needs_marks(source: str, drawn: str) -> bool:
    """Whether a chart has to mark the selected cells; where they were just picked the browser does."""
    return selected_in() != source or st.session_state.get(_DRAWN) != drawn


def clear() -> None:
    """Select nothing."""
    st.session_state[_SELECTED] = {}
    st.session_state[_SOURCE] = None


def selected_in() -> str | None:
    """Return where the selection was made, None without one."""
    return st.session_state.get(_SOURCE)
