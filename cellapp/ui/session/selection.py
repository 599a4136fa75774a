"""The cells gathered on any page, over all images of a run: one selection that every view reads and writes."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import streamlit as st

from cellapp.store.records import RunRecord

_SELECTED, _SOURCE, _DRAWN, _HEARD = "chosen_cells", "chosen_cells_by", "chosen_cells_in", "chosen_cells_heard"


def selected(run: RunRecord, cells: pd.DataFrame) -> list[int]:
    """Return row numbers of the selected cells, in the table's order.

    Parameters
    ----------
    run : RunRecord
    cells : DataFrame
        The run's table with `image_id` and `cell_id`.
    """
    rows: list[int] = []
    for place, cell_ids in st.session_state.get(_SELECTED, {}).items():
        run_id, _, image_id = place.partition("/")
        if run_id == run.id:
            here = (cells["image_id"] == image_id) & cells["cell_id"].isin(cell_ids)
            rows += cells.index[here].tolist()
    return sorted(rows)


def select(run: RunRecord, cells: pd.DataFrame, rows: Iterable[int], *, source: str, drawn: str = "") -> None:
    """Select rows of the run's table.

    Parameters
    ----------
    run : RunRecord
    cells : DataFrame
    rows : iterable of int
    source : str
        The view in which that was done.
    drawn : str
        What that view showed; when it is drawn anew it has to mark the cells by itself.
    """
    chosen = cells.loc[sorted(set(rows)), ["image_id", "cell_id"]]
    st.session_state[_SELECTED] = {
        f"{run.id}/{image_id}": group["cell_id"].astype(int).tolist() for image_id, group in chosen.groupby("image_id")
    }
    st.session_state[_SOURCE] = source if len(chosen) else None
    st.session_state[_DRAWN] = drawn


def listen(run: RunRecord, cells: pd.DataFrame, rows: list[int], *, source: str, drawn: str) -> bool:
    """Adopt what a view reports when it is news, and say whether it was.

    A view reports its selection on every run of the page, and none after it was drawn anew: neither is news.

    Parameters
    ----------
    run : RunRecord
    cells : DataFrame
    rows : list of int
        What the view reports.
    source : str
        The view.
    drawn : str
        What the view shows; changes when it is drawn anew.
    """
    heard = st.session_state.setdefault(_HEARD, {})
    before, now = heard.get(source), (drawn, hash(tuple(rows)))
    heard[source] = now
    if before is not None and before[1] == now[1]:
        return False
    if not rows and (before is None or before[0] != drawn or made_in() != source):
        return False
    select(run, cells, rows, source=source, drawn=drawn)
    return True


def highlights(source: str, drawn: str) -> bool:
    """Say whether a view has to mark the selected cells: the browser does where they were just picked."""
    return made_in() != source or st.session_state.get(_DRAWN) != drawn


def clear() -> None:
    """Select nothing."""
    st.session_state[_SELECTED] = {}
    st.session_state[_SOURCE] = None


def made_in() -> str | None:
    """Return the view in which the selection was made, None without one."""
    return st.session_state.get(_SOURCE)
