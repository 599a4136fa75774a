"""What a cross-validation says in one sentence, and what speaks against trusting it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellapp.evaluation.breakdown import group_figures
from cellapp.evaluation.curves import calibration_error
from cellapp.evaluation.doubts import further_doubts, leak_doubts
from cellapp.evaluation.group_words import group_word
from cellapp.evaluation.held_out_calls import HeldOutCalls, read_held_out, read_metrics
from cellapp.evaluation.intervals import with_intervals
from cellapp.evaluation.scores import accuracy

FEW_GROUPS = 5
"""Groups of a class below which an interval says little."""
POOR_CALIBRATION = 0.1
_MIXED = ("batch", "plate", "patient")  # groups that should hold more than one class
_WIDE = 0.2  # width of the interval of accuracy
_FAR_WORSE = 0.25  # accuracy of a group below that of all


@dataclass(frozen=True)
class Verdict:
    """How good a head is on groups it had not seen."""

    sentence: str
    doubts: tuple[str, ...]  # sentences, the gravest first; empty where nothing speaks against it
    accuracy: float | None = None  # 0 to 1; None where it was not validated
    low: float | None = None  # of its 95 % interval over groups
    high: float | None = None


def verdict_of(folder: Path) -> Verdict:
    """Judge the head in a folder by the files beside it.

    Parameters
    ----------
    folder : Path
        As `python -m cellapp train` writes it.

    Raises
    ------
    InputError
        When it was not trained here, or a file is damaged.
    """
    metrics = read_metrics(folder)
    grouped_by = metrics.get("grouped_by")
    if not metrics.get("validated"):
        return not_validated(str(metrics.get("reason")), grouped_by, metrics.get("groups_per_class") or {})
    return verdict(read_held_out(folder), grouped_by, metrics)


def verdict(calls: HeldOutCalls, grouped_by: str | None, metrics: Mapping[str, Any] | None = None) -> Verdict:
    """Judge the held-out calls of a head.

    Parameters
    ----------
    calls : HeldOutCalls
    grouped_by : str, optional
        What a group is, "image" or a column; None where each cell is its own.
    metrics : mapping, optional
        Figures beside the calls, see `cellapp.evaluation.doubts`.

    Returns
    -------
    Verdict
        Such as "On 12 images it had not seen, it is right for 91 % of cells (87 to 94), cancer being the positive
        class."
    """
    rows = calls.pure
    codes, probabilities, groups = calls.codes[rows], calls.probabilities[rows], calls.groups[rows]
    positive = calls.classes.index(calls.positive)
    figure = with_intervals(
        lambda some: {"accuracy": accuracy(codes[some], probabilities[some], positive)},
        codes,
        groups,
        len(calls.classes),
    )["accuracy"]
    n_groups = len(np.unique(groups))
    spread = "" if figure["low"] is None else f" ({100 * figure['low']:.0f} to {100 * figure['high']:.0f})"
    sentence = (
        f"On {n_groups:,} {group_word(grouped_by, n_groups)} it had not seen, it is right for "
        f"{100 * figure['value']:.0f} % of cells{spread}, {calls.positive} being the positive class."
    )
    words, beside = group_word(grouped_by, 2), metrics or {}
    doubts = (*leak_doubts(beside, words), *_doubts(calls, figure, grouped_by), *further_doubts(beside, words))
    return Verdict(sentence, doubts, figure["value"], figure["low"], figure["high"])


def not_validated(reason: str, grouped_by: str | None, groups_per_class: Mapping[str, int]) -> Verdict:
    """Say that there is no score, why, and what to photograph.

    Parameters
    ----------
    reason : str
        From `cellapp.training.folds.split_groups`.
    grouped_by : str, optional
    groups_per_class : mapping of class to number of groups
    """
    word = group_word(grouped_by, 1)
    short = [name for name, n in groups_per_class.items() if n < 2]
    why = (
        f"every cell of {' and of '.join(map(repr, short))} is from one {word}"
        if short
        else reason.removeprefix("not validated: ")
    )
    what = " and ".join(f"a second {word} of {name!r}" for name in short) or f"more {group_word(grouped_by, 2)}"
    return Verdict(
        f"Not validated: {why}, so that nobody can say whether it knows the cells or the {word}.",
        (f"Photograph {what}, better {FEW_GROUPS} of each class, analyse them and train again.",),
    )


def _doubts(calls: HeldOutCalls, figure: Mapping[str, float | None], grouped_by: str | None) -> tuple[str, ...]:
    found = [_no_better_than_guessing(calls, figure), _few_groups(calls, grouped_by), *_wide_or_uneven(calls, figure)]
    rows = calls.pure
    error = calibration_error(calls.probabilities[rows], calls.codes[rows])
    if error > POOR_CALIBRATION:
        found.append(f"Its probabilities are {100 * error:.0f} points off on average: trust calls, not percentages.")
    if grouped_by in _MIXED and all(", " not in row["classes"] for row in group_figures(calls)):
        found.append(f"No {grouped_by} has cells of two classes: it may know {group_word(grouped_by, 2)}, not cells.")
    if grouped_by is None:
        found.append("Cells of one image lie on both sides of the test, so that the score flatters: group by image.")
    return tuple(sentence for sentence in found if sentence)


def _no_better_than_guessing(calls: HeldOutCalls, figure: Mapping[str, float | None]) -> str:
    n_of = {name: int((calls.truth == name).sum()) for name in calls.classes}
    most = max(n_of, key=lambda name: n_of[name])
    share = n_of[most] / max(sum(n_of.values()), 1)
    at_worst = figure["low"] if figure["low"] is not None else figure["value"]
    if at_worst > share:
        return ""
    return f"Whoever calls every cell {most} is right for {100 * share:.0f} %: this may be no better than that."


def _few_groups(calls: HeldOutCalls, grouped_by: str | None) -> str:
    n_of = {name: len(np.unique(calls.groups[calls.truth == name])) for name in calls.classes}
    fewest = min(n_of, key=lambda name: n_of[name])
    n = n_of[fewest]
    if grouped_by is None or n >= FEW_GROUPS:
        return ""
    words = group_word(grouped_by, n)
    return f"{fewest} comes from {n} {words} only: photograph more, until there are {FEW_GROUPS} of each class."


def _wide_or_uneven(calls: HeldOutCalls, figure: Mapping[str, float | None]) -> list[str]:
    found = []
    if figure["low"] is None:
        found.append("There are too few groups for an interval.")
    elif figure["high"] - figure["low"] > _WIDE:
        found.append("The interval is wide: more images would tell how good it is.")
    worst = group_figures(calls)[0]
    if worst["accuracy"] < figure["value"] - _FAR_WORSE:
        found.append(f"On {worst['group']} it is right for {100 * worst['accuracy']:.0f} % only: look at that one.")
    return found
