"""What figures beside held-out calls say against trusting a head: leaks, sets, labels, and whether more would help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cellapp.evaluation.more_groups import rises, would_more_help
from cellapp.evaluation.split_by_cell import LARGE_GAP, at_chance, gap_sentence

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
    if gap is not None and gap >= LARGE_GAP:
        yield gap_sentence(metrics, groups)


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
    if n and not at_chance(metrics):  # a head that guesses has no say about labels
        yield f"{n:,} label{'s look' if n > 1 else ' looks'} wrong: held-out calls contradict what was said."
    points = metrics.get("learning_curve") or ()
    if rises(points):
        yield would_more_help(points, groups)
