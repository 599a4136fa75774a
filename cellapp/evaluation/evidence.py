"""Everything that held-out calls say of a head: scores with intervals, by class and by group, errors and curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cellapp.evaluation.breakdown import class_figures, group_figures
from cellapp.evaluation.coverage import SHOWN_RATES, coverage
from cellapp.evaluation.curves import precision_recall_curve, reliability, roc_curve
from cellapp.evaluation.held_out_calls import HeldOutCalls
from cellapp.evaluation.intervals import with_intervals
from cellapp.evaluation.label_errors import confident_classes, suspicious_labels
from cellapp.evaluation.scores import confusion_counts, rounded, score_calls

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
        ``per_class`` and ``per_group`` (see `cellapp.evaluation.breakdown`), ``conformal`` (see
        `cellapp.evaluation.coverage`), ``conformal_rates`` (the same at other error rates) and ``label_errors``, how
        many labels look wrong.
    """
    at, codes, p = calls.classes.index(calls.positive), calls.codes, calls.probabilities
    found = with_intervals(lambda rows: score_calls(codes[rows], p[rows], at), codes, calls.groups, len(calls.classes))
    return {
        "scores": {name: row["value"] for name, row in found.items()},
        "intervals": {name: {"low": row["low"], "high": row["high"]} for name, row in found.items()},
        "confusion": {"classes": list(calls.classes), "counts": confusion_counts(codes, p).tolist()},
        "per_class": class_figures(calls),
        "per_group": group_figures(calls),
        "conformal": coverage(calls, error_rate),
        "conformal_rates": [coverage(calls, rate) for rate in SHOWN_RATES],
        "label_errors": len(suspicious_labels(codes, p)),
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
        One row per cell: file, group, fold (which did not see the group), truth (the label it was given), label (what
        it was called), p_truth, p_label, label_looks_wrong with looks_like (the class it seems to be of instead), see
        `cellapp.evaluation.label_errors`, and sha256, empty where it is not known.
    """
    codes, p = calls.codes, calls.probabilities
    called, rows = p.argmax(axis=1), np.arange(len(codes))
    doubted, names = np.isin(rows, suspicious_labels(codes, p)), np.asarray(calls.classes, dtype=object)
    table = pd.DataFrame(
        {
            "file": [name.rpartition("@")[0] or name for name in calls.cells],
            "group": calls.groups,
            "fold": calls.folds,
            "truth": calls.truth,
            "label": names[called],
            "p_truth": p[rows, codes],
            "p_label": p[rows, called],
            "label_looks_wrong": doubted,
            "looks_like": np.where(doubted, names[confident_classes(codes, p)], ""),
            "sha256": [name.rpartition("@")[2] if "@" in name else "" for name in calls.cells],
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
