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


@dataclass(frozen=True)
class McNemar:
    """Cells that changed one way and the other, and whether that is more than chance."""

    lost: int  # true before and not after
    gained: int  # true after and not before
    p: float  # exact, two-sided, as if cells were independent
    p_groups: float | None  # the same over groups; None where they are too few to reach 0.05


def mcnemar(before: np.ndarray, after: np.ndarray, groups: np.ndarray, seed: int = 0) -> McNemar:
    """Compare what is true of cells before and after a change by the exact test of McNemar (1947).

    Parameters
    ----------
    before, after : ndarray of shape (N,), bool
    groups : ndarray of shape (N,), str
        Image of each cell. Over groups, the signs of their net changes are flipped, see `sign_flip`.
    seed : int
    """
    from scipy.stats import binomtest

    lost, gained = int((before & ~after).sum()), int((~before & after).sum())
    p = float(binomtest(lost, lost + gained).pvalue) if lost + gained else 1.0
    names, of_cell = np.unique(groups, return_inverse=True)
    net = np.bincount(of_cell, after.astype(float) - before.astype(float), len(names))
    return McNemar(lost, gained, p, sign_flip(net, seed) if len(names) >= MIN_FLIPPED else None)


MIN_FLIPPED = 6
"""Groups with which `sign_flip` can reach a p of 0.05."""
_FLIPS = 12  # groups of which all sign changes are tried; of more, `_DRAWN` are drawn
_DRAWN = 5_000


def sign_flip(differences: np.ndarray, seed: int = 0) -> float:
    """Test whether differences, one per group, are as often up as down: how often random signs give as large a mean.

    Parameters
    ----------
    differences : ndarray of shape (G,)
        At least one.
    seed : int

    Returns
    -------
    float
        Two-sided p; with G groups no smaller than 2 / 2 ** G.
    """
    n = len(differences)
    if n <= _FLIPS:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    else:
        signs = np.random.default_rng(seed).choice((-1, 1), (_DRAWN, n))
        signs[0] = 1
    sums, found = np.abs(signs @ differences), abs(float(np.sum(differences)))
    return float((sums >= found - 1e-9 * max(found, 1)).mean())
