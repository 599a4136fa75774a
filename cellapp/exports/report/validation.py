"""How far the head of a run can be trusted, from the files beside it: what was measured, and on what."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellapp.errors import CellappError, InputError
from cellapp.evaluation.curves import reliability
from cellapp.evaluation.group_words import group_word
from cellapp.evaluation.held_out_calls import HeldOutCalls, read_held_out, read_metrics
from cellapp.evaluation.intervals import with_intervals
from cellapp.evaluation.scores import SCORE_TITLES, confusion_counts, score_calls
from cellapp.evaluation.verdict import verdict_of
from cellapp.models.demonstration import demonstration_of_head
from cellapp.models.load import load_model
from cellapp.models.registry import head_of_run, model_folder

_SHOWN = ("accuracy", "balanced_accuracy", "recall", "specificity", "precision", "f1", "auc", "calibration_error")
SCORES = {name: SCORE_TITLES[name] for name in _SHOWN}
"""Scores shown, of the positive class where they are of one class."""


@dataclass(frozen=True, eq=False)
class Validation:
    """What is known of a head; only `sentence` where nothing was measured."""

    sentence: str
    doubts: tuple[str, ...] = ()
    trained_on: str = ""
    scores: tuple[tuple[str, float, float | None, float | None], ...] = ()  # name, value, ends of its 95 % interval
    over: str = ""  # what the intervals are over
    classes: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()  # true classes in rows
    calibration: tuple[Mapping[str, float], ...] = ()  # see `reliability`
    positive: str = ""
    calls: HeldOutCalls | None = None


def validation_of(run: Mapping[str, Any]) -> Validation:
    """Read what is known of the head of a run.

    Parameters
    ----------
    run : mapping
        Content of a run.json.

    Returns
    -------
    Validation
        Where the head is gone, or another one has its place, it says so: figures of another head are none of this one.
    """
    name, identity = head_of_run(run)
    if not identity or not name:
        return Validation("Cells were counted without a head: there are no classes to validate.")
    folder = model_folder(name)
    known = _read(folder)
    if known.get("head") != identity or "validated" not in known:  # the heads that ship have figures of another kind
        return _of_head(name, identity)
    try:
        judged = verdict_of(folder)
    except InputError:
        return _of_head(name, identity)
    if judged.accuracy is None:
        return Validation(judged.sentence, judged.doubts, _trained_on(name, identity))
    return _measured(read_held_out(folder), known, judged.sentence, judged.doubts, _trained_on(name, identity))


def _read(folder: Path) -> dict[str, Any]:
    with suppress(InputError):
        return read_metrics(folder)
    return {}


def _measured(
    calls: HeldOutCalls, known: Mapping[str, Any], sentence: str, doubts: tuple[str, ...], trained_on: str
) -> Validation:
    rows, at = calls.pure, calls.classes.index(calls.positive)
    codes, p, groups = calls.codes[rows], calls.probabilities[rows], calls.groups[rows]
    found = _stored(known) or with_intervals(
        lambda some: score_calls(codes[some], p[some], at), codes, groups, len(calls.classes)
    )
    ends = ("value", "low", "high")
    scores = [(SCORES[name], *map(found[name].get, ends)) for name in SCORES if found.get(name)]
    n_groups = len(np.unique(groups))
    over = f"{n_groups:,} {group_word(known.get('grouped_by'), n_groups)}, {len(codes):,} cells"
    return Validation(
        sentence,
        doubts,
        trained_on,
        tuple(scores),
        over,
        calls.classes,
        tuple(map(tuple, confusion_counts(codes, p).tolist())),
        tuple(reliability(p[:, at], codes == at)),
        calls.positive,
        calls,
    )


def _stored(known: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """Return the scores that were measured when the head was trained; none of heads of earlier versions."""
    scores, ends = known.get("scores") or {}, known.get("intervals") or {}
    return {name: {"value": value, **ends.get(name, {})} for name, value in scores.items() if value is not None}


def _of_head(name: str, identity: str) -> Validation:
    """Return what the head itself says, where its held-out calls are not beside it."""
    try:
        head = load_model(name)
    except CellappError:
        head = None
    if head is None or head.identity != identity:
        return Validation(f"The head {identity} is not here, so that nothing can be said of how good it is.")
    metrics, word = head.metrics, "synthetic slides" if demonstration_of_head(head) else "groups"
    if not metrics.get("validated"):
        return Validation(f"The head {identity} was not validated: nobody knows how good it is.", (), head.trained_on)
    metrics = {"recall": metrics.get("sensitivity"), **metrics}
    scores = [(SCORES[key], float(metrics[key]), None, None) for key in SCORES if metrics.get(key) is not None]
    sentence = (
        f"By its own card the head has a balanced accuracy of {100 * metrics['balanced_accuracy']:.0f} % on cells of "
        f"{word} it had not seen; the calls behind it are not here, so that there is no interval."
    )
    over = f"{metrics.get('n_groups', 0):,} {word}, {metrics.get('n', 0):,} cells"
    return Validation(sentence, (), head.trained_on, tuple(scores), over, positive=head.positive)


def _trained_on(name: str, identity: str) -> str:
    with suppress(CellappError):
        head = load_model(name)
        return head.trained_on if head.identity == identity else ""
    return ""
