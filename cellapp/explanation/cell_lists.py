"""Which cells are worth explaining: the strongest, the typical, the unsure and the wrong ones of a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import euclidean_distances

LISTED = 12
SELECTED, UNSURE, WRONG = "Selected", "Unsure", "Wrong"
_AT_MOST = 1500  # cells of a class among which typical ones are looked for
_ROUNDS = 10


def listings(
    cells: pd.DataFrame, classes: Sequence[str], chosen: Sequence[int] = (), vectors: pd.DataFrame | None = None
) -> dict[str, pd.DataFrame]:
    """Offer cells worth explaining, each list at most a dozen.

    Parameters
    ----------
    cells : DataFrame
        Classified cells: label, margin, p_<class>, and manual_label where there are labels.
    classes : sequence of str
        Of the head.
    chosen : sequence of int
        Index values selected by the visitor.
    vectors : DataFrame, optional
        Vector of each cell that has one, by the index of `cells`.

    Returns
    -------
    dict
        Title -> rows; empty lists are left out. "Wrong": the call differs from the label somebody gave, the surest
        first. "Strongest": highest probability of the class. "Typical": medoids, see `medoids`; without vectors those
        whose probability is nearest to the median of the class. "Unsure": smallest margin.
    """
    called = cells[cells[f"p_{classes[0]}"].notna()] if len(classes) else cells.iloc[:0]
    lists = {SELECTED: called[called.index.isin(list(chosen))], WRONG: wrong_calls(called)}
    for name in classes:
        of_class = called[called["label"] == name]
        p = of_class[f"p_{name}"]
        lists[f"Strongest {name}"] = of_class.loc[p.sort_values(ascending=False, kind="stable").index]
        lists[f"Typical {name}"] = _typical(of_class, p, vectors)
    lists[UNSURE] = called.sort_values("margin", kind="stable")
    return {title: rows.head(LISTED) for title, rows in lists.items() if len(rows)}


def wrong_calls(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells whose call differs from the label that somebody gave, the surest calls first."""
    if "manual_label" not in cells or "label" not in cells:
        return cells.iloc[:0]
    given = cells["manual_label"].fillna("")
    return cells[(given != "") & (cells["label"] != given)].sort_values("margin", ascending=False, kind="stable")


def medoids(vectors: np.ndarray, k: int) -> np.ndarray:
    """Choose cells that stand for all: k medoids (Kaufman and Rousseeuw 1987; alternating as Park and Jun 2009).

    Parameters
    ----------
    vectors : ndarray of shape (N, F)
        Standardised here; a feature that is the same in all counts nothing.
    k : int

    Returns
    -------
    ndarray of int
        Rows of min(k, N) different medoids, that of the largest group first. The same input gives the same rows.
    """
    if not len(vectors):
        return np.zeros(0, int)
    values = vectors.astype(np.float64)
    spread = values.std(axis=0)
    apart = euclidean_distances((values - values.mean(axis=0)) / np.where(spread > 0, spread, 1))
    found = _spread_out(apart, min(k, len(values)))
    for _ in range(_ROUNDS):
        nearest = apart[:, found].argmin(axis=1)
        groups = [np.flatnonzero(nearest == i) for i in range(len(found))]
        better = np.array(
            [
                rows[apart[np.ix_(rows, rows)].sum(axis=0).argmin()] if len(rows) else found[i]
                for i, rows in enumerate(groups)
            ]
        )
        if (better == found).all():
            break
        found = better
    sizes = np.bincount(apart[:, found].argmin(axis=1), minlength=len(found))
    return found[np.argsort(-sizes, kind="stable")]


def _spread_out(apart: np.ndarray, k: int) -> np.ndarray:
    """Take the medoid of all first, then each time the cell that brings all others nearest to one (PAM's BUILD)."""
    found = [int(apart.sum(axis=0).argmin())]
    while len(found) < k:
        nearest = apart[:, found].min(axis=1)
        gain = np.maximum(nearest[:, None] - apart, 0).sum(axis=0)
        gain[found] = -1
        found.append(int(gain.argmax()))
    return np.array(found)


def _typical(cells: pd.DataFrame, p: pd.Series, vectors: pd.DataFrame | None) -> pd.DataFrame:
    known = cells.index.intersection(vectors.index) if vectors is not None else cells.index[:0]
    if len(known) < len(cells) or not len(cells):  # of some without vectors the rest would not stand for them
        return cells.loc[(p - p.median()).abs().sort_values(kind="stable").index]
    some = known[np.linspace(0, len(known) - 1, min(len(known), _AT_MOST)).astype(int)]
    return cells.loc[some[medoids(vectors.loc[some].to_numpy(), LISTED)]]
