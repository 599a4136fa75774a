"""Figures of a cross-validation as tables: scores, classes, groups, and what sets of possible classes held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from cellapp.evaluation.scores import POSITIVE_SCORES, SCORE_TITLES
from cellapp.ui.components.messages import capital

INTERVAL = "95 % interval"
_POINTS = {"calibration_error", "brier", "log_loss"}  # of which less is better, and that are no shares
_CLASS_TITLES = {"precision": "Precision", "recall": "Recall", "specificity": "Specificity", "f1": "F1"}


def score_table(figures: Mapping[str, Any], positive: str) -> pd.DataFrame:
    """Return all scores: score, class that it is about, value, interval.

    Parameters
    ----------
    figures : mapping
        ``scores`` and ``intervals`` of `cellapp.evaluation.evidence.evidence`.
    positive : str
        The positive class, which stands beside each score that is about one class.
    """
    rows = [
        (
            SCORE_TITLES.get(name, name),
            positive if name in POSITIVE_SCORES else "all classes",
            _shown(name, value),
            _ends(name, figures["intervals"][name]),
        )
        for name, value in figures["scores"].items()
    ]
    return pd.DataFrame(rows, columns=["Score", "Of", "Value", INTERVAL])


def class_table(rows: Sequence[Mapping[str, Any]], positive: str, words: str) -> pd.DataFrame:
    """Return a row per class: its cells and groups, and precision, recall, specificity and F1 with their intervals.

    Parameters
    ----------
    rows : sequence of mapping
        See `cellapp.evaluation.breakdown.class_figures`.
    positive : str
        Marked as the positive one.
    words : str
        What groups are called, "slides".
    """
    table = [
        {"Class": f"{row['class']} (positive)" if row["class"] == positive else row["class"], "Cells": row["n"]}
        | {capital(words): row["n_groups"]}
        | {title: _with_ends(row[name], row["intervals"][name]) for name, title in _CLASS_TITLES.items()}
        for row in rows
    ]
    return pd.DataFrame(table)


def groups_table(rows: Sequence[Mapping[str, Any]], positive: str, word: str) -> pd.DataFrame:
    """Return a row per group, the worst first: its classes, cells, right calls, and how the positive class fares.

    Parameters
    ----------
    rows : sequence of mapping
        See `cellapp.evaluation.breakdown.group_figures`.
    positive, word : str
        The positive class, and what a group is called.
    """
    table = [
        {capital(word): row["group"], "Classes": row["classes"], "Cells": row["n"]}
        | {"Right": f"{100 * row['accuracy']:.0f} %", "95 % over its cells": _ends("accuracy", row)}
        | {f"{positive} found": _percent(row.get("recall")), "Others kept": _percent(row.get("specificity"))}
        for row in rows
    ]
    return pd.DataFrame(table)


def coverage_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a row per error rate: promised, held, interval, and the share of cells called unsure.

    Parameters
    ----------
    rows : sequence of mapping
        See `cellapp.evaluation.coverage.coverage`.
    """
    table = [
        {
            "Error rate promised": f"at most {100 * row['error_rate']:g} %",
            "True class held": _percent(row["reached"], 1),
        }
        | {INTERVAL: _ends("reached", row, 1), "Promised": f"{100 * row['promised']:g} %"}
        | {"Called unsure": f"{100 * row['unsure']:.0f} %"}
        for row in rows
    ]
    return pd.DataFrame(table)


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.3f}" if name in _POINTS or name in ("auc", "average_precision") else f"{100 * value:.1f} %"


def _ends(name: str, ends: Mapping[str, float | None], digits: int = 0) -> str:
    if ends.get("low") is None:
        return "none"
    if name in _POINTS or name in ("auc", "average_precision"):
        return f"{ends['low']:.3f} to {ends['high']:.3f}"
    return f"{100 * ends['low']:.{digits}f} to {100 * ends['high']:.{digits}f} %"


def _with_ends(value: float | None, ends: Mapping[str, float | None]) -> str:
    if value is None:
        return "none"
    spread = "" if ends["low"] is None else f" ({100 * ends['low']:.0f} to {100 * ends['high']:.0f})"
    return f"{100 * value:.0f} %{spread}"


def _percent(value: float | None, digits: int = 0) -> str:
    return "" if value is None else f"{100 * value:.{digits}f} %"
