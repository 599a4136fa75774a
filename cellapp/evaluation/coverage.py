"""Whether sets of possible classes hold the true one as often as promised, on groups that were not seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cellapp.classification.conformal import held_out_sets
from cellapp.evaluation.held_out_calls import HeldOutCalls
from cellapp.evaluation.intervals import with_intervals
from cellapp.evaluation.scores import rounded

SHOWN_RATES = (0.01, 0.05, 0.1, 0.2)
"""Error rates whose coverage is measured beside that of the settings."""


def coverage(calls: HeldOutCalls, error_rate: float) -> dict[str, Any]:
    """Measure sets of possible classes with the limits of the other folds.

    Parameters
    ----------
    calls : HeldOutCalls
        Of cells of one class each.
    error_rate : float
        At most this share of the cells of each class is to lack it.

    Returns
    -------
    dict
        ``error_rate``, ``promised`` and ``reached`` (shares of cells whose class is in their set) with ``low`` and
        ``high`` of 95 % over groups, ``reached_per_class``, and ``unsure``: the share of cells for which the class
        called is not the only one in their set.
    """
    codes = calls.codes
    sets = held_out_sets(calls.probabilities, codes, calls.folds, error_rate)
    kept, alone = sets[np.arange(len(codes)), codes], sets.sum(axis=1) == 1
    called = sets[np.arange(len(codes)), calls.probabilities.argmax(axis=1)]
    reached = with_intervals(lambda rows: {"reached": float(kept[rows].mean())}, codes, calls.groups, sets.shape[1])
    return {
        "error_rate": error_rate,
        "promised": rounded(1 - error_rate),
        "reached": reached["reached"]["value"],
        "low": reached["reached"]["low"],
        "high": reached["reached"]["high"],
        "reached_per_class": {
            name: rounded(kept[codes == k].mean()) if (codes == k).any() else None
            for k, name in enumerate(calls.classes)
        },
        "unsure": rounded(1 - (alone & called).mean()),
    }


def coverage_sentence(found: Mapping[str, Any], groups: str) -> str:
    """Say what was promised, what was reached, and how many cells are called unsure for it.

    Parameters
    ----------
    found : mapping
        From `coverage`.
    groups : str
        What groups are called, "slides".
    """
    spread = "" if found["low"] is None else f" ({100 * found['low']:.0f} to {100 * found['high']:.0f})"
    return (
        f"At an error rate of {100 * found['error_rate']:g} % the set of possible classes is to hold the true class of "
        f"{100 * found['promised']:g} % of cells; on {groups} it had not seen it held that of "
        f"{100 * found['reached']:.0f} %{spread}, with {100 * found['unsure']:.0f} % of cells called unsure."
    )
