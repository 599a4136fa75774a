"""How much two classes of cells differ in a number, where cells of one image are alike."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from cellapp.evaluation.paired_tests import MIN_FLIPPED, sign_flip

MIN_GROUPS = 5
"""Images with fewer say little of how images differ: then intervals and tests are over cells, and too sure."""
MIN_CELLS = 5
"""Cells of each class below which they are not compared."""
MIN_RANKED = 2 * MIN_CELLS
"""Cells below which no correlation is told."""
DRAWS = 1_000
_EXACT = 5_000  # relabellings that are all tried; of more, as many are drawn
_LEAST_P = 0.05  # a test that could not reach it is not made


@dataclass(frozen=True)
class Effect:
    """Difference of one number between cells of a class, a, and others, b."""

    mean_a: float
    mean_b: float
    delta: float  # Cliff's: share of pairs in which a is larger, minus share in which b is, -1 to 1
    low: float | None  # 95 % interval of `delta`
    high: float | None
    p: float | None  # two-sided; None where there are too few images, or cells, for any test
    over: str  # "images" or "cells": what is drawn for the interval and exchanged for the test
    median_a: float
    median_b: float


def compare_classes(values: np.ndarray, is_a: np.ndarray, groups: np.ndarray, seed: int = 0) -> Effect | None:
    """Compare a number between cells of a class and others.

    The effect size is Cliff's delta (Cliff 1993, doi:10.1037/0033-2909.114.3.494). Its interval is a percentile
    bootstrap of whole images, or of cells where there are fewer than `MIN_GROUPS` images. The test is of ranks, as the
    effect size is, and follows the images: where at least `MIN_FLIPPED` have cells of both kinds, signs of their
    differences are flipped; else images are relabelled by what most of their cells are, without those that have as
    many of both; where neither can reach p = 0.05, it is none.

    Parameters
    ----------
    values : ndarray of shape (N,), float
        Cells where it is missing are left out.
    is_a : ndarray of shape (N,), bool
    groups : ndarray of shape (N,), str
        Image of each cell.
    seed : int

    Returns
    -------
    Effect or None
        None where one side has fewer than `MIN_CELLS` cells.
    """
    known = np.isfinite(values)
    values, is_a, groups = values[known], is_a[known], groups[known]
    if min(is_a.sum(), (~is_a).sum()) < MIN_CELLS:
        return None
    over, of_cell = _units(groups)
    wins, pairs = _pairs(values, is_a, of_cell)
    low, high = _interval(wins, pairs, seed)
    p = _test_over_images(_ranks(values), is_a, of_cell, seed) if over == "images" else _rank_sum(values, is_a)
    means, medians = ([float(f(values[rows])) for rows in (is_a, ~is_a)] for f in (np.mean, np.median))
    return Effect(*means, float(wins.sum() / pairs.sum()), low, high, p, over, *medians)


def _ranks(values: np.ndarray) -> np.ndarray:
    from scipy.stats import rankdata

    return rankdata(values)


@dataclass(frozen=True)
class Mean:
    """A mean over cells with its 95 % interval."""

    value: float
    low: float | None
    high: float | None
    over: str  # see `Effect`


def mean_over(values: np.ndarray, groups: np.ndarray, seed: int = 0) -> Mean | None:
    """Return the mean of a number with the interval of `compare_classes`; None where it is missing in every cell."""
    known = np.isfinite(values)
    values, groups = values[known], groups[known]
    if not len(values):
        return None
    over, of_cell = _units(groups)
    n = int(of_cell.max()) + 1
    sums, counts = (np.bincount(of_cell, weights, n) for weights in (values, np.ones(len(values))))
    drawn = _draw(n, seed)
    low, high = (None, None) if n < 2 else np.percentile((drawn @ sums) / (drawn @ counts), (2.5, 97.5)).tolist()
    return Mean(float(values.mean()), low, high, over)


def _units(groups: np.ndarray) -> tuple[str, np.ndarray]:
    """Return what is drawn, and the number of that of each cell."""
    images, of_cell = np.unique(groups, return_inverse=True)
    return ("images", of_cell) if len(images) >= MIN_GROUPS else ("cells", np.arange(len(groups)))


def _draw(n: int, seed: int) -> np.ndarray:
    """Return how often each of n units is drawn, (`DRAWS`, n)."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), DRAWS).astype(float)


def _pairs(values: np.ndarray, is_a: np.ndarray, of_cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each pair of groups, (G, G), how often a of one beats b of the other, net, and the pairs of cells."""
    n = int(of_cell.max()) + 1
    a, b = np.flatnonzero(is_a), np.flatnonzero(~is_a)
    signs = np.sign(values[a][:, None] - values[b])
    in_a, in_b = (np.equal.outer(np.arange(n), of_cell[rows]).astype(float) for rows in (a, b))
    return in_a @ signs @ in_b.T, np.outer(in_a.sum(axis=1), in_b.sum(axis=1))


def _interval(wins: np.ndarray, pairs: np.ndarray, seed: int) -> tuple[float | None, float | None]:
    drawn = _draw(len(wins), seed)
    net, total = (((drawn @ part) * drawn).sum(axis=1) for part in (wins, pairs))
    deltas = net[total > 0] / total[total > 0]
    if len(deltas) < DRAWS / 2:
        return None, None
    low, high = np.percentile(deltas, (2.5, 97.5))
    return float(low), float(high)


def _rank_sum(values: np.ndarray, is_a: np.ndarray) -> float | None:
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(values[is_a], values[~is_a]).pvalue)


def _test_over_images(values: np.ndarray, is_a: np.ndarray, of_cell: np.ndarray, seed: int) -> float | None:
    n = int(of_cell.max()) + 1
    counts, sums = ([np.bincount(of_cell[rows], w[rows], n) for rows in (is_a, ~is_a)] for w in (is_a + ~is_a, values))
    both = (counts[0] > 0) & (counts[1] > 0)
    if both.sum() >= MIN_FLIPPED:
        return sign_flip(sums[0][both] / counts[0][both] - sums[1][both] / counts[1][both], seed)
    clear = counts[0] != counts[1]  # an image with as many of both is of neither class
    of_a, means = (counts[0] > counts[1])[clear], ((sums[0] + sums[1]) / (counts[0] + counts[1]))[clear]
    if comb(len(of_a), int(of_a.sum())) < 1 / _LEAST_P:
        return None
    return _relabel(means, of_a, seed)


def _relabel(means: np.ndarray, of_a: np.ndarray, seed: int) -> float:
    """Return how often images labelled otherwise differ as much, two-sided."""
    n, n_a = len(means), int(of_a.sum())
    if comb(n, n_a) <= _EXACT:
        chosen = np.zeros((comb(n, n_a), n), bool)
        for row, columns in zip(chosen, combinations(range(n), n_a), strict=True):
            row[list(columns)] = True
    else:
        order = np.random.default_rng(seed).random((_EXACT, n)).argsort(axis=1)
        chosen = np.concatenate([of_a[None], order < n_a])
    differences = (chosen @ means) / n_a - (~chosen @ means) / (n - n_a)
    found = means[of_a].mean() - means[~of_a].mean()
    return float((np.abs(differences) >= abs(found) * (1 - 1e-9)).mean())


def rank_correlation(values: np.ndarray, other: np.ndarray, groups: np.ndarray, seed: int = 0) -> Mean | None:
    """Return Spearman's correlation of two numbers of cells with the interval of `compare_classes`.

    Parameters
    ----------
    values, other : ndarray of shape (N,)
        The two numbers of each cell. Ranks are those of all cells; draws weight them.
    groups : ndarray of shape (N,), str
        Image of each cell; whole images are drawn where there are enough.
    seed : int
        Of the draws.

    Returns
    -------
    Mean or None
        None for fewer than `MIN_RANKED` cells, of which some numbers are in one order by chance, or where a number is
        the same in all.
    """
    from scipy.stats import rankdata

    known = np.isfinite(values) & np.isfinite(other)
    if known.sum() < MIN_RANKED:
        return None
    ranks = np.stack([rankdata(part[known]) for part in (values, other)])
    over, of_cell = _units(groups[known])
    x, y = ranks - ranks.mean(axis=1, keepdims=True)
    if not x.any() or not y.any():
        return None
    n = int(of_cell.max()) + 1
    sums = np.stack([np.bincount(of_cell, w, n) for w in (np.ones(len(x)), x, y, x * x, y * y, x * y)])
    low, high = (None, None)
    if n > 1:
        drawn = _correlations(_draw(n, seed) @ sums.T)
        low, high = np.nanpercentile(drawn, (2.5, 97.5)).tolist()
    return Mean(float(_correlations(sums.sum(axis=1)[None])[0]), low, high, over)


def _correlations(sums: np.ndarray) -> np.ndarray:
    """Return correlations, (M,), from sums, (M, 6), of 1, x, y, x x, y y and x y."""
    n, x, y, xx, yy, xy = sums.T
    spread = np.sqrt(np.maximum(xx - x * x / n, 0) * np.maximum(yy - y * y / n, 0))
    return np.divide(xy - x * y / n, spread, out=np.full(len(n), np.nan), where=spread > 1e-12)
