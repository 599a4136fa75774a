"""What figures beside held-out calls say against trusting a head: leaks, sets, labels, and whether more would help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cellapp.evaluation.more_groups import rises, would_more_help

LARGE_GAP = 0.05
"""Balanced accuracy by which a split by cell may flatter before it is said."""
MISSED_COVERAGE = 0.02


def leak_doubts(metrics: Mapping[str, Any], groups: str) -> Iterator[str]:
    """Say where the score of a split by cell is far above the honest one.

    Parameters
    ----------
    metrics : mapping
        ``grouped``, ``leaky`` and ``gap`` of `cellapp.evaluation.evidence.beside_leaky`, with ``intervals`` and
        ``per_class``; heads of earlier versions have none.
    groups : str
        What groups are called, "slides".
    """
    gap = metrics.get("gap")
    if gap is None or gap < LARGE_GAP:
        return
    leaky, grouped = (100 * metrics[side]["balanced_accuracy"] for side in ("leaky", "grouped"))
    shown = f"split by cell it would seem right for {leaky:.0f} % (balanced accuracy)"
    if _at_chance(metrics):
        yield (
            f"It recognises {groups}, not classes: {shown}, on {groups} it had not seen it is at chance, "
            f"{grouped:.0f} %; look for what differs from one to the next (stain, exposure, marks), and photograph all "
            "classes on each."
        )
        return
    yield (
        f"It remembers {groups}: {shown}, {100 * gap:.0f} points more than the {grouped:.0f} % on {groups} it had not "
        "seen, and new ones will have nothing of that."
    )


def _at_chance(metrics: Mapping[str, Any]) -> bool:
    """Whether guessing lies in the interval of balanced accuracy or, where there is none, within 5 points."""
    value, low = metrics["grouped"]["balanced_accuracy"], metrics["intervals"]["balanced_accuracy"]["low"]
    return (value - 0.05 if low is None else low) <= 1 / len(metrics["per_class"])


def further_doubts(metrics: Mapping[str, Any], groups: str) -> Iterator[str]:
    """Say which promise of sets is missed, that labels look wrong, and that more groups would help.

    Parameters
    ----------
    metrics : mapping
        ``per_class``, ``conformal`` and ``label_errors`` of `cellapp.evaluation.evidence.evidence`, and
        ``learning_curve``; heads of earlier versions have none.
    groups : str
        What groups are called, "slides".
    """
    for row in metrics.get("per_class", ()):
        if row["recall"] is not None and row["recall"] < 0.5:
            yield f"Of the cells of class {row['class']} it finds {100 * row['recall']:.0f} % only."
    sets = metrics.get("conformal")
    if sets and sets["promised"] - sets["reached"] > MISSED_COVERAGE:
        promised, reached = 100 * sets["promised"], 100 * sets["reached"]
        yield f"Conformal sets promise the true class for {promised:.0f} % of cells and held it for {reached:.0f} %."
    n = metrics.get("label_errors")
    if n and not _at_chance(metrics):  # a head that guesses has no say about labels
        yield f"{n:,} label{'s' * (n != 1)} look{'s' * (n == 1)} wrong; see label_looks_wrong in errors.csv."
    points = metrics.get("learning_curve") or ()
    if rises(points):
        yield would_more_help(points, groups)
