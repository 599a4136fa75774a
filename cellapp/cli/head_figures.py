"""What `train` prints of a head: the figures that the Train page shows, in lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cellapp.evaluation.breakdown import OF_CLASS
from cellapp.evaluation.coverage import coverage_sentence
from cellapp.evaluation.evidence import BESIDE
from cellapp.evaluation.group_words import group_word
from cellapp.evaluation.more_groups import would_more_help
from cellapp.evaluation.split_by_cell import split_pair

_SHORT = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "f1_weighted": "weighted F1", "auc": "AUC"}
_FILES = {
    "metrics.json": "all figures",
    "folds.csv": "what each cell was called by the fold that had not seen it",
    "errors.csv": "wrong calls, and in label_looks_wrong the labels that look wrong",
    "curves.json": "ROC, precision and recall, calibration, learning curve",
}


def figure_lines(metrics: Mapping[str, Any]) -> list[str]:
    """Return a line for each kind of figure that was measured."""
    head = (
        f"{metrics['head']}: {metrics['n']:,} cells, {metrics['n_groups']:,} groups, positive {metrics['positive']!r}"
    )
    methods = (f"{name}: {_figures(row)}" for name, row in metrics["methods"].items())
    return [head, *_grid_lines(metrics), *methods, *_batch_lines(metrics), *_held_out_lines(metrics)]


def file_lines(out: Path) -> list[str]:
    """Return a line for each file of figures that is in the folder of a head."""
    return [f"{out / name}: {what}" for name, what in _FILES.items() if (out / name).is_file()]


def _held_out_lines(metrics: Mapping[str, Any]) -> list[str]:
    if not metrics["validated"]:
        return []
    words = group_word(metrics["grouped_by"], 2)
    more = would_more_help(metrics["learning_curve"], words)
    return [
        *_pair_lines(metrics, words),
        *(_class_line(row, metrics["grouped_by"]) for row in metrics["per_class"]),
        coverage_sentence(metrics["conformal"], words),
        *([more] if more else []),
    ]


def _pair_lines(metrics: Mapping[str, Any], words: str) -> list[str]:
    """Return the honest scores, those of a split by cell, and what the gap between them says."""
    sides = {f"unseen {words} (honest)": metrics["grouped"], "split by cell (leaky)": metrics["leaky"]}
    lines = [
        f"{side}: {', '.join(f'{_SHORT[name]} {_number(scores[name])}' for name in BESIDE)}"
        for side, scores in sides.items()
        if scores
    ]
    return [*lines, split_pair(metrics, words).sentence]


def _class_line(row: Mapping[str, Any], grouped_by: str | None) -> str:
    figures = (
        f"{name.replace('f1', 'F1')} {_interval({'value': row[name], **row['intervals'][name]})}" for name in OF_CLASS
    )
    n = row["n_groups"]
    return f"class {row['class']}: {', '.join(figures)}; {row['n']:,} cells of {n:,} {group_word(grouped_by, n)}"


def _grid_lines(metrics: Mapping[str, Any]) -> list[str]:
    """Say what a grid search has chosen for the head, where there was one."""
    if "grid" not in metrics:
        return []
    chosen = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in metrics["grid"]["chosen"].items())
    return [f"chosen of {metrics['grid']['n_tried']} ways on groups inside training parts: {chosen}"]


def _batch_lines(metrics: Mapping[str, Any]) -> list[str]:
    """Say what taking batch effects out has changed, where it was asked for."""
    return [
        f"{when} taking batch effects out: {row['batch_share']:.0%} of the variance between batches, balanced accuracy "
        f"{row['balanced_accuracy']:.3f}, AUC {row['auc']:.3f}"
        for when, row in metrics.get("batch_effects", {}).items()
        if when in ("before", "after")
    ]


def _figures(row: Mapping[str, Any]) -> str:
    shown = {"AUC": "auc", "balanced accuracy": "balanced_accuracy", "calibration error": "calibration_error"}
    return ", ".join(f"{title} {_interval(row[name])}" for title, name in shown.items())


def _interval(figure: Mapping[str, float | None]) -> str:
    if figure["low"] is None:
        return _number(figure["value"])
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
