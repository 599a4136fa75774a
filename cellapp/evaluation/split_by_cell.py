"""The honest score of a head and the leaky one of a split by cell as a pair, with what the gap between them says.

Cells of one group on both sides of a split let a head remember the group in place of the class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LARGE_GAP = 0.05
"""Balanced accuracy by which a split by cell may flatter before it speaks against a head."""


@dataclass(frozen=True)
class SplitPair:
    """Balanced accuracy on groups that were not seen and, by its side, that of a split by cell. 0 to 1."""

    honest: float
    low: float | None  # of the 95 % interval of the honest one, over groups
    high: float | None
    leaky: float | None  # None where no split by cell was made
    gap: float | None  # leaky less honest
    sentence: str  # what the gap says, or why there is none


def split_pair(metrics: Mapping[str, Any], groups: str) -> SplitPair | None:
    """Return the pair of a head; None where groups could not be split or nothing is known of it.

    Parameters
    ----------
    metrics : mapping
        ``scores``, ``intervals``, ``grouped``, ``leaky`` and ``gap`` as `python -m cellapp train` writes them.
    groups : str
        What groups are called, "slides".
    """
    honest = (metrics.get("scores") or {}).get("balanced_accuracy")
    if honest is None:
        return None
    ends, leaky = metrics["intervals"]["balanced_accuracy"], metrics.get("leaky")
    sentence = gap_sentence(metrics, groups) if leaky else _why_alone(metrics, groups)
    score = leaky["balanced_accuracy"] if leaky else None
    return SplitPair(honest, ends["low"], ends["high"], score, metrics.get("gap"), sentence)


def gap_sentence(metrics: Mapping[str, Any], groups: str) -> str:
    """Say what the gap between both scores means.

    Parameters
    ----------
    metrics : mapping
        With ``leaky``, ``grouped`` and ``gap``; ``intervals`` and ``per_class`` where the gap is large.
    groups : str
    """
    leaky, grouped = (100 * metrics[side]["balanced_accuracy"] for side in ("leaky", "grouped"))
    shown, points = f"split by cell it would seem right for {leaky:.0f} % (balanced accuracy)", 100 * metrics["gap"]
    if metrics["gap"] >= LARGE_GAP and at_chance(metrics):
        return (
            f"It recognises {groups}, not classes: {shown}, on {groups} it had not seen it is at chance, "
            f"{grouped:.0f} %; look for what differs from one to the next (stain, exposure, marks), and photograph all "
            "classes on each."
        )
    if metrics["gap"] >= LARGE_GAP:
        return (
            f"It remembers {groups}: {shown}, {points:.0f} points more than the {grouped:.0f} % on {groups} it had not "
            "seen, and new ones will have nothing of that."
        )
    if points >= 0.5:
        more = f"{points:.0f} {'point' if round(points) == 1 else 'points'} more than on {groups} it had not seen"
        return f"S{shown[1:]}, {more}: it remembers little of {groups}."
    return f"S{shown[1:]}, no more than on {groups} it had not seen: nothing shows that it remembers {groups}."


def at_chance(metrics: Mapping[str, Any]) -> bool:
    """Whether guessing lies in the interval of balanced accuracy or, where there is none, within 5 points."""
    value = (metrics.get("grouped") or metrics["scores"])["balanced_accuracy"]
    low = metrics["intervals"]["balanced_accuracy"]["low"]
    return (value - 0.05 if low is None else low) <= 1 / len(metrics["per_class"])


def _why_alone(metrics: Mapping[str, Any], groups: str) -> str:
    if metrics.get("grouped_by") is None:
        return "This is a split by cell itself: no groups were given, so that cells of one image lie on both sides."
    if "fine_tuning" in metrics:
        return "A fine-tuned encoder is not trained once more on a split by cell: that would take as long again."
    if "batch_effects" in metrics:
        return f"No split by cell was made: taking out how {groups} differ needs to know them."
    if "leaky" not in metrics:
        return "It was trained by an earlier version, which made no split by cell: train again to have it."
    return f"No split by cell was made: all cells are of {groups} with one cell each, or a class has a single cell."
