"""Predictions as columns of the cell table, and which of its rows to look at first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from cellapp.types.cells import POSITIVE_CLASS, Predictions


def positive_class(classes: Sequence[str]) -> str:
    """Return the class one-sided figures speak of: `add_predictions` puts the positive class of the head first."""
    return classes[0]


def default_positive(classes: Sequence[str]) -> str:
    """Return the positive class of a head nobody named one for: cancer where it exists, else the first."""
    return POSITIVE_CLASS if POSITIVE_CLASS in classes else classes[0]


def add_predictions(cells: pd.DataFrame, predictions: Predictions | None) -> pd.DataFrame:
    """Join probabilities to the cell table by cell id, the positive class first.

    Parameters
    ----------
    cells : DataFrame
        Indexed by cell_id.
    predictions : Predictions, optional
        Of some of the cells; the others (rejected ones) get an empty label and missing probabilities. None changes
        nothing.
    """
    if predictions is None:
        return cells
    columns: dict[str, Any] = {"label": predictions.labels}
    positive_first = sorted(predictions.classes, key=lambda c: c != predictions.positive)
    columns |= {f"p_{c}": predictions.probabilities[:, predictions.classes.index(c)] for c in positive_first}
    columns |= {
        "margin": predictions.margin,
        "unsure": predictions.unsure,
        "unlike_training": predictions.unlike_training,
    }
    index = pd.Index(predictions.cell_ids, name="cell_id")
    table = cells.join(pd.DataFrame(columns, index=index))
    filled = {"label": "", "unsure": False, "unlike_training": False}
    with pd.option_context("future.no_silent_downcasting", True):
        table = table.fillna(filled).astype({"label": object, "unsure": bool, "unlike_training": bool})
    return table.assign(manual_label="")


def choose_cells(cells: pd.DataFrame, n: int, classes: Sequence[str]) -> pd.DataFrame:
    """Pick the cells worth explaining first: the surest of each class and the least sure, in turn.

    Parameters
    ----------
    cells : DataFrame
        A classified cell table.
    n : int
        At most this many rows are returned.
    classes : sequence of str

    Returns
    -------
    DataFrame
        Rows of `cells`, each once.
    """
    known = cells[cells["label"] != ""]
    queues = [known[known["label"] == c].sort_values(f"p_{c}", ascending=False).index.tolist() for c in classes]
    queues.append(known.sort_values("margin").index.tolist())
    chosen: dict[int, None] = {}
    for rank in range(len(known)):
        for queue in queues:
            if rank < len(queue) and len(chosen) < n:
                chosen.setdefault(queue[rank])
    return cells.loc[list(chosen)]
