"""Weights of the members of an ensemble, and what the ensemble says of the cells its members were held out from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from cellapp.evaluation.held_out_calls import HeldOutCalls, check_same_folds
from cellapp.evaluation.scores import accuracy, f1_macro

Weighting = Literal["mean", "accuracy", "f1"]
"""What decides the weight of a member: nothing, its accuracy, or its macro F1, on held-out cells."""


def member_weights(weighting: Weighting, calls: Sequence[HeldOutCalls]) -> tuple[float, ...]:
    """Weight the members of an ensemble by what they got right.

    Parameters
    ----------
    weighting : {"mean", "accuracy", "f1"}
    calls : sequence of HeldOutCalls
        Of each member; fields of known mixtures do not count.

    Returns
    -------
    tuple of float
        In proportion to the score; they sum to 1.
    """
    return weights_by_score([1.0 if weighting == "mean" else _score(one, weighting) for one in calls])


def weights_by_score(scores: Sequence[float]) -> tuple[float, ...]:
    """Return weights in proportion to scores; equal ones where all scores are 0."""
    total = float(np.sum(scores))
    return tuple(float(score) / total if total > 0 else 1 / len(scores) for score in scores)


def average(probabilities: np.ndarray, weights: Sequence[float]) -> np.ndarray:
    """Return the weighted mean, (N, K), of the probabilities of M members, (M, N, K)."""
    return np.tensordot(np.asarray(weights, float), np.asarray(probabilities, float), axes=1)


def held_out_average(calls: Sequence[HeldOutCalls], weighting: Weighting, name: str) -> HeldOutCalls:
    """Return the held-out calls of an ensemble: each fold with the weights that the other folds give.

    Weights from all folds would have seen the cells they are measured on.

    Parameters
    ----------
    calls : sequence of HeldOutCalls
        Of each member, of the same folds.
    weighting : {"mean", "accuracy", "f1"}
    name : str
        "name@version" of the ensemble.

    Raises
    ------
    InputError
        When the members were not validated on the same folds.
    """
    check_same_folds(calls)
    first = calls[0]
    calls = [replace(one, folds=first.folds).arranged(first.classes, first.positive) for one in calls]
    probabilities = np.zeros_like(first.probabilities)
    for fold in np.unique(first.folds):
        rows = first.folds == fold
        weights = member_weights(weighting, [one.subset(~rows) for one in calls])
        probabilities[rows] = average([one.probabilities[rows] for one in calls], weights)
    return replace(first, head=name, probabilities=probabilities)


def _score(calls: HeldOutCalls, weighting: Weighting) -> float:
    rows = calls.pure
    score = accuracy if weighting == "accuracy" else f1_macro
    return score(calls.codes[rows], calls.probabilities[rows], calls.classes.index(calls.positive))
