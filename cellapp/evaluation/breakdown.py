"""Figures of held-out calls by class and by group."""

from __future__ import annotations

from typing import Any

import numpy as np

from cellapp.cells.counts import wilson
from cellapp.evaluation.held_out_calls import HeldOutCalls
from cellapp.evaluation.intervals import with_intervals
from cellapp.evaluation.scores import one_sided, rounded

OF_CLASS = ("precision", "recall", "specificity", "f1")
"""Figures of each class against all others."""


def class_figures(calls: HeldOutCalls) -> list[dict[str, Any]]:
    """Measure each class against all others.

    Parameters
    ----------
    calls : HeldOutCalls
        Of cells of one class each.

    Returns
    -------
    list of dict
        In the order of the classes: ``class``, ``n``, ``n_groups``, those of `OF_CLASS` and ``intervals`` (name -> low
        and high of 95 % over groups). None where there is nothing to divide by.
    """
    codes, called, k = calls.codes, calls.probabilities.argmax(axis=1), len(calls.classes)

    def measure(rows: np.ndarray) -> dict[str, float | None]:
        confusion = np.bincount(codes[rows] * k + called[rows], minlength=k * k).reshape(k, k)
        return {f"{name} {at}": value for at in range(k) for name, value in one_sided(confusion, at).items()}

    found = with_intervals(measure, codes, calls.groups, k)
    return [
        {"class": name, "n": int((codes == at).sum()), "n_groups": len(set(calls.groups[codes == at]))}
        | {figure: found[f"{figure} {at}"]["value"] for figure in OF_CLASS}
        | {"intervals": {figure: _ends(found[f"{figure} {at}"]) for figure in OF_CLASS}}
        for at, name in enumerate(calls.classes)
    ]


def _ends(figure: dict[str, float | None]) -> dict[str, float | None]:
    return {"low": figure["low"], "high": figure["high"]}


def group_figures(calls: HeldOutCalls) -> list[dict[str, Any]]:
    """Count right calls in each group, the worst first.

    Parameters
    ----------
    calls : HeldOutCalls
        Cells of mixtures do not count.

    Returns
    -------
    list of dict
        ``group``, ``classes`` in it, ``n`` cells, ``accuracy`` with ``low`` and ``high`` of 95 % (Wilson, over the
        cells of this one group: what another group would give is not in it), and ``recall`` and ``specificity`` of the
        positive class, None where the group lacks one side.
    """
    at, rows = calls.classes.index(calls.positive), []
    for group in np.unique(calls.groups[calls.pure]):
        mine = calls.subset((calls.groups == group) & calls.pure)
        positive, called = mine.codes == at, mine.probabilities.argmax(axis=1)
        right, n = int((called == mine.codes).sum()), len(called)
        low, high = wilson(right, n)
        rows.append(
            {"group": str(group), "classes": ", ".join(sorted(set(mine.truth.tolist()))), "n": n}
            | {"accuracy": right / n, "low": rounded(low), "high": rounded(high)}
            | {"recall": rounded((called[positive] == at).mean()) if positive.any() else None}
            | {"specificity": rounded((called[~positive] != at).mean()) if (~positive).any() else None}
        )
    return sorted(rows, key=lambda row: (row["accuracy"], row["group"]))
