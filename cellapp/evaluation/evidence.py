"""Everything that held-out calls say of a head: scores with intervals, by class and by group, errors and curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cellapp.classification.conformal import held_out_sets
from cellapp.evaluation.curves import precision_recall_curve, reliability, roc_curve
from cellapp.evaluation.held_out_calls import HeldOutCalls
from cellapp.evaluation.intervals import with_intervals
from cellapp.evaluation.label_errors import suspicious_labels
from cellapp.evaluation.scores import confusion_counts, f1_per_class, rounded, score_calls
from cellapp.evaluation.verdict import group_figures

GAP_SCORE = "balanced_accuracy"
BESIDE = ("accuracy", GAP_SCORE, "f1_weighted", "auc")
"""Scores that are given by cell beside those by group."""


def evidence(calls: HeldOutCalls, *, error_rate: float) -> dict[str, Any]:
    """Measure held-out calls.

    Parameters
    ----------
    calls : HeldOutCalls
        Of cells of one class each.
    error_rate : float
        Of the conformal sets whose coverage is measured.

    Returns
    -------
    dict
        Plain JSON values: ``scores`` (name -> number, see `score_calls`; `positive` is their positive class),
        ``intervals`` (name -> low and high of 95 %), ``confusion`` (``classes`` and ``counts``, rows true),
        ``per_class`` and ``per_group`` (lists, the worst group first), ``conformal`` and ``label_errors``.
    """
    at, codes, p = calls.classes.index(calls.positive), calls.codes, calls.probabilities
    found = with_intervals(lambda rows: score_calls(codes[rows], p[rows], at), codes, calls.groups, len(calls.classes))
    return {
        "scores": {name: row["value"] for name, row in found.items()},
        "intervals": {name: {"low": row["low"], "high": row["high"]} for name, row in found.items()},
        "confusion": {"classes": list(calls.classes), "counts": confusion_counts(codes, p).tolist()},
        "per_class": _per_class(calls),
        "per_group": group_figures(calls),
        "conformal": _coverage(calls, error_rate),
        "label_errors": len(suspicious_labels(codes, p)),
    }


def _per_class(calls: HeldOutCalls) -> list[dict[str, Any]]:
    counts, f1 = confusion_counts(calls.codes, calls.probabilities), f1_per_class(calls.codes, calls.probabilities)
    called, groups = counts.sum(axis=0), [len(set(calls.groups[calls.truth == name])) for name in calls.classes]
    return [
        {"class": name, "n": int(counts[k].sum()), "n_groups": groups[k]}
        | {"precision": rounded(counts[k, k] / called[k]) if called[k] else None}
        | {"recall": rounded(counts[k, k] / counts[k].sum()) if counts[k].any() else None, "f1": rounded(f1[k])}
        for k, name in enumerate(calls.classes)
    ]


def _coverage(calls: HeldOutCalls, error_rate: float) -> dict[str, Any]:
    """Return the share of cells whose class is in their set, with limits from the other folds."""
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


def beside_leaky(honest: Mapping[str, Any], leaky: Mapping[str, Any] | None) -> dict[str, Any]:
    """Put scores by group and by cell beside each other.

    Parameters
    ----------
    honest, leaky : mapping
        See `score_calls`; `leaky` is None where cells are their own groups.

    Returns
    -------
    dict
        ``grouped`` and ``leaky``, each with the scores of `BESIDE`, and ``gap``: how much balanced accuracy the split
        by cell flatters. The last two are None without leaky scores.
    """
    sides = [side and {name: rounded(side[name]) for name in BESIDE} for side in (honest, leaky)]
    gap = rounded(leaky[GAP_SCORE] - honest[GAP_SCORE]) if leaky else None
    return {"grouped": sides[0], "leaky": sides[1], "gap": gap}


def worst_errors(calls: HeldOutCalls) -> pd.DataFrame:
    """List wrong calls, the surest first, and labels that look wrong.

    Parameters
    ----------
    calls : HeldOutCalls
        Of cells of one class each.

    Returns
    -------
    DataFrame
        One row per cell: file, group, fold, truth, label, p_truth, p_label and label_looks_wrong, see
        `suspicious_labels`.
    """
    codes, p = calls.codes, calls.probabilities
    called, rows = p.argmax(axis=1), np.arange(len(codes))
    doubted = np.isin(rows, suspicious_labels(codes, p))
    table = pd.DataFrame(
        {
            "file": [name.rpartition("@")[0] or name for name in calls.cells],
            "group": calls.groups,
            "fold": calls.folds,
            "truth": calls.truth,
            "label": np.asarray(calls.classes, dtype=object)[called],
            "p_truth": p[rows, codes],
            "p_label": p[rows, called],
            "label_looks_wrong": doubted,
        }
    )
    return table[(called != codes) | doubted].sort_values(["p_truth", "file"], ignore_index=True)


def curves(calls: HeldOutCalls) -> dict[str, Any]:
    """Return ``positive`` and the curves of the positive class: ``roc``, ``precision_recall`` and ``calibration``."""
    truth, p = calls.truth == calls.positive, calls.probabilities[:, calls.classes.index(calls.positive)]
    return {
        "positive": calls.positive,
        "roc": roc_curve(truth, p),
        "precision_recall": precision_recall_curve(truth, p),
        "calibration": reliability(p, truth),
    }
