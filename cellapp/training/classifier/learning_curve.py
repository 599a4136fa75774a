"""Score against the number of labelled groups: whether more of them would help."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np

from cellapp.evaluation.intervals import with_intervals
from cellapp.evaluation.more_groups import half_of
from cellapp.evaluation.scores import balanced_accuracy
from cellapp.training.classifier.labelled_vectors import LabelledVectors
from cellapp.training.classifier.logistic_regression import fit_logistic
from cellapp.training.classifier.resampling import Balance

SHARES = (0.25, 0.5, 0.75)
"""Shares of the training groups; all of them are the head's own held-out calls."""


def learning_curve(
    data: LabelledVectors,
    fold_of: np.ndarray,
    probabilities: np.ndarray,
    strength: float,
    *,
    seed: int = 0,
    balance: Balance | None = None,
) -> list[dict[str, Any]]:
    """Cross-validate with fewer training groups, on the folds of the head.

    Parameters
    ----------
    data : LabelledVectors
        Mixtures are left out.
    fold_of : ndarray of shape (N,), int
    probabilities : ndarray of shape (N, K)
        Held-out, with all training groups.
    strength : float
        Regularisation of the head, for all points.
    seed : int
        Decides which groups are left out.
    balance : Balance, optional

    Returns
    -------
    list of dict
        From few groups to all: ``n_groups`` and ``n_cells`` in the training part of a fold on average, and
        ``balanced_accuracy`` on held-out groups with ``low`` and ``high`` of 95 %. The last has ``rise``: how much its
        score is above that with half of the groups, value, low and high, both measured on each draw of groups.
    """
    pure = data.pure
    data, fold_of, probabilities = data.subset(pure), fold_of[pure], probabilities[pure]
    rng, points, all_calls = np.random.default_rng(seed), [], []
    for share in SHARES:
        kept = {int(fold): _some_groups(data, fold_of != fold, share, rng) for fold in np.unique(fold_of)}
        calls = np.zeros(probabilities.shape)
        for fold, rows in kept.items():
            part, held_out = data.subset(rows), fold_of == fold
            model = fit_logistic(part.features, part.shares, strength, balance)
            calls[held_out] = model.predict_proba(data.features[held_out].astype(np.float64))
        points.append(_point(data, calls, list(kept.values())))
        all_calls.append(calls)
    points.append(_point(data, probabilities, [fold_of != fold for fold in np.unique(fold_of)]))
    return _with_rise(data, points, [*all_calls, probabilities])


def _with_rise(
    data: LabelledVectors, points: list[dict[str, Any]], calls: Sequence[np.ndarray]
) -> list[dict[str, Any]]:
    """Return the points that have more groups than the one before, the last with its rise over half of the groups."""
    kept = [k for k, point in enumerate(points) if k == 0 or point["n_groups"] > points[k - 1]["n_groups"]]
    chosen = [points[k] for k in kept]
    if len(chosen) < 2:
        return chosen
    half = kept[chosen.index(half_of(chosen))]
    codes, last = data.codes, kept[-1]

    def measure(rows: np.ndarray) -> dict[str, float | None]:
        before, after = (balanced_accuracy(codes[rows], calls[k][rows], 0) for k in (half, last))
        return {"rise": after - before}

    rise = with_intervals(measure, codes, data.group_names, len(data.classes))["rise"]
    return [*chosen[:-1], {**chosen[-1], "rise": rise}]


def _some_groups(data: LabelledVectors, training: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return the training cells of a share of the groups of each class, (N,) bool; every class keeps a group."""
    groups, codes, chosen = data.group_names, data.codes, set()
    for code in range(len(data.classes)):
        of_class = np.unique(groups[training & (codes == code)])
        chosen |= set(rng.permutation(of_class)[: ceil(share * len(of_class))].tolist())
    return training & np.isin(groups, list(chosen))


def _point(data: LabelledVectors, calls: np.ndarray, parts: list[np.ndarray]) -> dict[str, Any]:
    codes, groups = data.codes, data.group_names

    def measure(rows: np.ndarray) -> dict[str, float | None]:
        return {"score": balanced_accuracy(codes[rows], calls[rows], 0)}

    score = with_intervals(measure, codes, groups, len(data.classes))["score"]
    n_groups, n_cells = (float(np.mean(n)) for n in zip(*((len(set(groups[p])), p.sum()) for p in parts), strict=True))
    figures = {"balanced_accuracy": score["value"], "low": score["low"], "high": score["high"]}
    return {"n_groups": round(n_groups, 1), "n_cells": round(n_cells, 1), **figures}
