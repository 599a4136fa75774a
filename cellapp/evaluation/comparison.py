"""Which of several heads is better, as far as their held-out calls on the same folds can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from cellapp.errors import InputError
from cellapp.evaluation.held_out_calls import HeldOutCalls, check_same_folds
from cellapp.evaluation.paired_tests import Difference, bootstrap_groups, corrected_t, holm, paired_t
from cellapp.evaluation.scores import SCORES

LEVEL = 0.05
"""Chance of finding a difference where there is none, at which a difference counts as found."""


@dataclass(frozen=True, eq=False)
class _Scored:
    """One head with its score in each fold."""

    calls: HeldOutCalls
    label: str
    per_fold: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.per_fold))


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two heads, the better one first, with the tests of their difference."""

    first: _Scored
    second: _Scored
    paired: Difference
    corrected: Difference
    bootstrap: Difference
    paired_holm: float = 1.0
    corrected_holm: float = 1.0

    @property
    def found(self) -> bool:
        """Whether both tests that allow for how folds and cells depend on each other find a difference."""
        low = self.bootstrap.low
        return self.corrected_holm < LEVEL and low is not None and low > 0


def compare_heads(
    heads: Sequence[HeldOutCalls], score: str = "balanced_accuracy", reference: str | None = None
) -> dict[str, Any]:
    """Compare heads that were validated on the same folds; their order does not matter.

    Parameters
    ----------
    heads : sequence of HeldOutCalls
        At least two. Fields of known mixtures count nowhere.
    score : str
        One of `SCORES`.
    reference : str, optional
        Name or "name@version" of one head that all others are compared with; None compares each with each. The p-values
        are adjusted for the number of comparisons.

    Returns
    -------
    dict
        Plain JSON values: ``score``, ``positive``, ``n``, ``n_groups``, ``n_folds``, ``heads`` (each with its mean,
        standard deviation and score per fold, best first), ``comparisons`` (each with ``heads``, better first,
        ``paired_t``, ``corrected_t``, ``bootstrap`` and ``sentence``), and ``sentence``; of two heads the tests, too.

    Raises
    ------
    InputError
        When heads cannot be compared; the message says how they can.
    """
    if score not in SCORES:
        raise InputError(f"no score {score!r}; choose one of: {', '.join(SCORES)}")
    scored = _score_all(heads, score)
    facts = scored[0].calls
    pairs = _adjust([_test(*pair, score) for pair in _pairs(scored, reference)])
    comparisons = [_as_json(pair, score) for pair in pairs]
    return {
        **(comparisons[0] if len(comparisons) == 1 else {}),
        "score": score,
        "positive": facts.positive,
        "n": len(facts.cells),
        "n_groups": len(np.unique(facts.groups)),
        "n_folds": len(scored[0].per_fold),
        "heads": [_head_json(one) for one in scored],
        "comparisons": comparisons,
        "sentence": comparisons[0]["sentence"] if len(pairs) == 1 else _summary(scored, pairs, score),
    }


def _score_all(heads: Sequence[HeldOutCalls], score: str) -> list[_Scored]:
    """Return the heads with their scores, best first, those of equal score by name."""
    if len(heads) < 2:
        raise InputError(f"comparing needs at least two heads; got {len(heads)}")
    if len({head.head for head in heads}) < len(heads):
        raise InputError("the same head is given twice; give heads that differ")
    check_same_folds(heads)
    model = min(heads, key=lambda one: one.head)
    heads = [replace(head, folds=model.folds).arranged(model.classes, model.positive) for head in heads]
    heads = [head.subset(head.pure) for head in heads]
    twice = len({head.name for head in heads}) < len(heads)
    scored = [_Scored(head, head.head if twice else head.name, _per_fold(head, score)) for head in heads]
    return sorted(scored, key=lambda one: (-one.mean, one.calls.head))


def _per_fold(calls: HeldOutCalls, score: str) -> tuple[float, ...]:
    folds = np.unique(calls.folds)
    if len(folds) < 2:
        raise InputError(f"head {calls.head!r} has held-out calls of one fold only; train it with --folds 2 or more")
    at, values = calls.classes.index(calls.positive), []
    for fold in folds:
        rows = calls.folds == fold
        values.append(SCORES[score](calls.codes[rows], calls.probabilities[rows], at))
        if not np.isfinite(values[-1]):
            raise InputError(
                f"fold {fold} has cells on one side of {calls.positive!r} only, and {score} is not defined there; "
                "compare by balanced_accuracy, or train with fewer folds"
            )
    return tuple(values)


def _pairs(scored: list[_Scored], reference: str | None) -> list[tuple[_Scored, _Scored]]:
    """Return the pairs to compare, the better head of each first."""
    pairs = list(combinations(scored, 2))
    if reference is None:
        return pairs
    named = [one for one in scored if reference in (one.label, one.calls.head)]
    if len(named) != 1:
        raise InputError(f"no head {reference!r} to compare with; name one of {', '.join(s.label for s in scored)}")
    return [pair for pair in pairs if named[0] in pair]


def _test(first: _Scored, second: _Scored, score: str) -> _Pair:
    n_folds, one, two = len(first.per_fold), first.calls, second.calls
    codes, at, measure = one.codes, one.classes.index(one.positive), SCORES[score]

    def both(rows: np.ndarray) -> tuple[float, float]:
        drawn = codes[rows]
        if not np.bincount(drawn, minlength=len(one.classes)).all():
            return float("nan"), float("nan")
        return measure(drawn, one.probabilities[rows], at), measure(drawn, two.probabilities[rows], at)

    scores = (first.per_fold, second.per_fold)
    corrected = corrected_t(*scores, test_to_training=1 / (n_folds - 1))
    return _Pair(first, second, paired_t(*scores), corrected, bootstrap_groups(both, one.groups))


def _adjust(pairs: list[_Pair]) -> list[_Pair]:
    paired, corrected = (holm([getattr(pair, name).p for pair in pairs]) for name in ("paired", "corrected"))
    return [replace(pairs[k], paired_holm=paired[k], corrected_holm=corrected[k]) for k in range(len(pairs))]


def _as_json(pair: _Pair, score: str) -> dict[str, Any]:
    return {
        "heads": [pair.first.label, pair.second.label],
        "difference": pair.paired.value,
        "paired_t": {"p": pair.paired.p, "p_holm": pair.paired_holm},
        "corrected_t": {
            "p": pair.corrected.p,
            "p_holm": pair.corrected_holm,
            "low": pair.corrected.low,
            "high": pair.corrected.high,
        },
        "bootstrap": {
            "p": pair.bootstrap.p,
            "difference": pair.bootstrap.value,
            "low": pair.bootstrap.low,
            "high": pair.bootstrap.high,
        },
        "sentence": _sentence(pair, score),
    }


def _head_json(one: _Scored) -> dict[str, Any]:
    deviation = float(np.std(one.per_fold, ddof=1))
    return {"head": one.calls.head, "mean": one.mean, "std": deviation, "per_fold": list(one.per_fold)}


def _sentence(pair: _Pair, score: str) -> str:
    """Say in one sentence what may be concluded."""
    names, title = f"{pair.first.label} and {pair.second.label}", score.replace("_", " ")
    n_groups = len(np.unique(pair.first.calls.groups))
    values = f"{title} {pair.first.mean:.3f} against {pair.second.mean:.3f}"
    if pair.first.per_fold == pair.second.per_fold:
        return (
            f"{names} cannot be told apart: both have the same {title} in every fold, {pair.first.mean:.3f} on average."
        )
    spread = "too few draws have every class for an interval"
    if pair.bootstrap.low is not None:
        spread = f"95 % {pair.bootstrap.low:+.3f} to {pair.bootstrap.high:+.3f} over {n_groups:,} groups"
    if pair.found:
        return (
            f"{pair.first.label} is better than {pair.second.label}: {values} ({spread}), and the test that allows for "
            f"folds sharing training cells agrees (p = {pair.corrected_holm:.2g})."
        )
    why = f"the test that allows for folds sharing training cells gives p = {pair.corrected_holm:.2g}"
    if pair.corrected_holm >= LEVEL > pair.paired_holm:
        why = f"only the paired t-test, which ignores that folds share training cells, finds one ({why})"
    return f"It cannot be concluded that {names} differ: {values} ({spread}), and {why}; more groups would tell more."


def _summary(scored: list[_Scored], pairs: list[_Pair], score: str) -> str:
    """Say in one sentence what may be concluded about the best head or the reference."""
    one = next((head for head in scored if all(head in (pair.first, pair.second) for pair in pairs)), scored[0])
    mine = [pair for pair in pairs if one in (pair.first, pair.second)]
    parts = [
        ("is better than", [pair.second.label for pair in mine if pair.found and pair.first is one]),
        ("is worse than", [pair.first.label for pair in mine if pair.found and pair.second is one]),
        (
            "cannot be told from",
            [(pair.second if pair.first is one else pair.first).label for pair in mine if not pair.found],
        ),
    ]
    said = "; it ".join(f"{verb} {', '.join(names)}" for verb, names in parts if names)
    best = "the highest " if one is scored[0] else ""
    return f"{one.label} has {best}{score.replace('_', ' ')} ({one.mean:.3f}) and {said}."
