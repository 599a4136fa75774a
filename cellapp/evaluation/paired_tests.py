"""Tests of the difference between two classifiers that were measured on the same folds."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from cellapp.evaluation.intervals import draw_groups

DRAWS = 1000
_PERCENT = (2.5, 97.5)


@dataclass(frozen=True)
class Difference:
    """Difference of two scores, first minus second, with a two-sided p-value and a 95 % interval."""

    p: float
    value: float
    low: float | None  # None where too few draws have every class
    high: float | None


def paired_t(first: Sequence[float], second: Sequence[float]) -> Difference:
    """Compare scores of the same folds by the paired t-test.

    Folds share most of their training cells, so that their scores vary less than those of new experiments would: this
    test, though often published, finds differences that are not there.

    Parameters
    ----------
    first, second : sequence of float
        Score of each of at least two folds.
    """
    return _t_test(first, second, 1 / len(first))


def corrected_t(first: Sequence[float], second: Sequence[float], *, test_to_training: float) -> Difference:
    """Compare scores by the corrected resampled t-test (Nadeau and Bengio 2003, doi:10.1023/A:1024068626366).

    The variance of the mean difference is taken as (1 / J + n_test / n_training) times that of the J differences,
    because the training sets overlap.

    Parameters
    ----------
    first, second
        See `paired_t`.
    test_to_training : float
        Cells held out of a fold per training cell: 1 / (J - 1) with J folds.
    """
    return _t_test(first, second, 1 / len(first) + test_to_training)


def _t_test(first: Sequence[float], second: Sequence[float], share_of_variance: float) -> Difference:
    from scipy.stats import t

    differences = np.asarray(first, float) - np.asarray(second, float)
    value, degrees = float(differences.mean()), len(differences) - 1
    error = sqrt(share_of_variance * float(differences.var(ddof=1)))
    if error <= 1e-12 * max(1.0, abs(value)):  # the same difference in every fold
        return Difference(0.0 if abs(value) > 1e-12 else 1.0, value, value, value)
    half = float(t.ppf(0.975, degrees)) * error
    return Difference(2 * float(t.sf(abs(value) / error, degrees)), value, value - half, value + half)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for their number by the step-down method of Holm (1979), in the order given.

    scipy has only methods for the rate of false discoveries.
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(np.asarray(p_values, float)[order] * factors), 1.0)
    return adjusted.tolist()


def bootstrap_groups(
    score: Callable[[np.ndarray], tuple[float, float]], groups: np.ndarray, *, draws: int = DRAWS, seed: int = 0
) -> Difference:
    """Compare two classifiers on the same cells by drawing whole groups with replacement.

    Parameters
    ----------
    score : callable
        Takes row numbers and returns the scores of both classifiers on these rows; NaN where one is not defined.
    groups : ndarray of shape (N,), str
        Slide, plate or patient of each cell: cells of one are not independent.
    draws : int
    seed : int

    Returns
    -------
    Difference
        Percentiles of the differences of the draws; without an interval where fewer than half have scores.
    """
    drawn = draw_groups(groups, draws=draws, seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a draw without one of the classes has no score
        value = float(np.subtract(*score(np.arange(len(groups)))))
        differences = np.array([np.subtract(*score(rows)) for rows in drawn])
    differences = differences[np.isfinite(differences)]
    if len(differences) < draws / 2:
        return Difference(1.0, value, None, None)
    low, high = np.percentile(differences, _PERCENT)
    beyond = min((differences <= 0).sum(), (differences >= 0).sum()) + 1
    return Difference(min(2 * beyond / (len(differences) + 1), 1.0), value, float(low), float(high))
