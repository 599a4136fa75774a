"""Predictions as columns of the cell table, and the choice of cells to explain."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import pandas as pd

from cellapp.cells.counts import classes_of
from cellapp.types.cells import POSITIVE_CLASS, Predictions


def positive_class(classes: Sequence[str]) -> str:
    """Return the positive class of a cell table: `add_predictions` puts that of the head first."""
    return classes[0]


def default_positive(classes: Sequence[str]) -> str:
    """Return the positive class of a head without a named one: cancer where it exists, else the first."""
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
        **({"set": predictions.sets} if predictions.sets is not None else {}),
        "unsure": predictions.unsure,
        "unlike_training": predictions.unlike_training,
    }
    index = pd.Index(predictions.cell_ids, name="cell_id")
    table = cells.join(pd.DataFrame(columns, index=index))
    filled = {"label": "", **({"set": ""} if "set" in table else {}), "unsure": False, "unlike_training": False}
    with pd.option_context("future.no_silent_downcasting", True):
        table = table.fillna(filled).astype({"label": object, "unsure": bool, "unlike_training": bool})
    return table.assign(manual_label="")


def class_columns(cells: pd.DataFrame) -> list[str]:
    """Return the columns of a table of cells that `add_predictions` made, but for the class by hand, in their order."""
    given = {"label", "margin", "set", "unsure", "unlike_training", *(f"p_{name}" for name in classes_of(cells))}
    return [name for name in cells.columns if name in given]


def choose_cells(cells: pd.DataFrame, n: int, classes: Sequence[str]) -> pd.DataFrame:
    """Choose cells to explain: the most certain of each class and the least certain, in turn.

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
    classified = cells[cells["label"] != ""]
    rankings = [
        classified[classified["label"] == c].sort_values(f"p_{c}", ascending=False).index.tolist() for c in classes
    ]
    rankings.append(classified.sort_values("margin").index.tolist())
    in_turn = (cell_id for rank in zip_longest(*rankings) for cell_id in rank if cell_id is not None)
    return cells.loc[list(dict.fromkeys(in_turn))[:n]]
