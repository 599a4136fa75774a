"""Giving cells of a run a class by hand from any page: it counts at once, and the worker writes the files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from cellapp.errors import CellappError
from cellapp.jobs import queue, worker_process
from cellapp.store import labels as label_store
from cellapp.store.records import RunRecord
from cellapp.ui.components.messages import show_error

_VISITOR = "visitor_name"


def visitor() -> str:
    """Return the name that the visitor gave on Label or beside a gallery in this visit; "" before that."""
    return str(st.session_state.get(_VISITOR) or "")


def remember_visitor(name: str) -> None:
    """Keep the name of the visitor for labels given on other pages."""
    st.session_state[_VISITOR] = name.strip()


def labels_by_image(cells: pd.DataFrame, rows: Sequence[int], label: str) -> dict[str, dict[int, str]]:
    """Return one class for some rows of a run's table: image id -> cell id -> class, "" for none by hand."""
    chosen = cells.loc[list(rows), ["image_id", "cell_id"]]
    return {
        str(image_id): dict.fromkeys(group["cell_id"].astype(int).tolist(), label)
        for image_id, group in chosen.groupby("image_id")
    }


def relabel(run: RunRecord, labels: Mapping[str, Mapping[int, str]]) -> tuple[int, ...] | None:
    """Give classes to cells in the name of the visitor, say so, and have the files of the run follow.

    Parameters
    ----------
    run : RunRecord
    labels : mapping of image id to mapping of cell id to class
        "" takes back what anybody said of a cell on this run.

    Returns
    -------
    tuple of int, or None
        Ids of the labels added or retracted, which `take_back` takes; None where an error was drawn instead.
    """
    try:
        ids = [label_store.relabel(run.id, image, classes, who=visitor()) for image, classes in labels.items()]
        _write_files(run, labels)
    except CellappError as error:
        show_error(error)
        return None
    n = sum(map(len, labels.values()))
    st.toast(f"{n:,} {'cell' if n == 1 else 'cells'} relabelled.", icon=":material/check:")
    return tuple(one for of_image in ids for one in of_image)


def take_back(run: RunRecord, image_id: str, ids: Sequence[int]) -> None:
    """Take back labels that were just given to cells of one image; what was said before counts again."""
    try:
        label_store.retract_labels(ids)
        _write_files(run, [image_id])
    except CellappError as error:
        show_error(error)
        return
    st.toast("Taken back.", icon=":material/undo:")


def _write_files(run: RunRecord, image_ids: Sequence[str] | Mapping[str, object]) -> None:
    queue.submit("relabel", {"run_id": run.id, "images": list(image_ids)}, run.project_id, urgent=True)
    worker_process.ensure_worker()
