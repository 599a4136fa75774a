"""Whether maps are true of a model: what the logit loses without the patches they name, against random maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy.ndimage import gaussian_filter, zoom
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import spsolve

SHARES = (0.1, 0.25, 0.5, 0.75)
"""Shares of the patches that are taken away or given back, the most important first."""
RESAMPLES = 1_000
_PX_PER_PATCH = 4  # imputation solves one equation per pixel: coarser is enough for a guess and far quicker
_NOISE = 0.01  # as the authors of ROAD: what is imputed must not be recognised as too smooth

Logit = Callable[[np.ndarray], np.ndarray]
"""From crops (N, C, S, S) to logits (N,)."""


def measure_order(logit: Logit, crops: np.ndarray, maps: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """Take patches away and give them back in the order of maps.

    Deletion and insertion (Petsiuk and others 2018, arXiv:1806.07421) replace patches by the background of the crop,
    and begin with a blurred crop; ROAD (Rong and others 2022, arXiv:2202.00449) replaces them by what their
    neighbours suggest, so that nothing tells where they were.

    Parameters
    ----------
    logit : callable
    crops : ndarray of shape (N, C, S, S), float32
    maps : ndarray of shape (N, h, w)
        The largest value is the most important.
    seed : int
        Of the noise of what is imputed.

    Returns
    -------
    dict of str to ndarray of shape (N,)
        "deletion" and "road": what the logit loses, mean over `SHARES`; "insertion": what it gains. Larger is better.
    """
    whole, blurred = logit(crops), gaussian_filter(crops, (0, 0, crops.shape[-1] / 16, crops.shape[-1] / 16))
    start, even = logit(blurred), _background(crops)
    found = {name: np.zeros(len(crops)) for name in ("deletion", "insertion", "road")}
    for share in SHARES:
        chosen = most_important(maps, share)
        mask = _to_pixels(chosen, crops.shape[-1])[:, None]
        found["deletion"] += (whole - logit(np.where(mask, even, crops))) / len(SHARES)
        found["insertion"] += (logit(np.where(mask, crops, blurred)) - start) / len(SHARES)
        found["road"] += (whole - logit(np.where(mask, imputed(crops, chosen, seed), crops))) / len(SHARES)
    return found


def most_important(maps: np.ndarray, share: float) -> np.ndarray:
    """Mark the patches with the largest values, (N, h, w) bool; at least one of each map."""
    flat = maps.reshape(len(maps), -1)
    n = max(round(share * flat.shape[1]), 1)
    ranks = np.argsort(np.argsort(-flat, axis=1, kind="stable"), axis=1)
    return (ranks < n).reshape(maps.shape)


def imputed(crops: np.ndarray, removed: np.ndarray, seed: int = 0) -> np.ndarray:
    """Guess crops where patches were removed, each pixel a weighted mean of its neighbours, with a little noise.

    Parameters
    ----------
    crops : ndarray of shape (N, C, S, S), float32
    removed : ndarray of shape (N, h, w), bool
    seed : int
        Of the noise.

    Returns
    -------
    ndarray of shape (N, C, S, S), float32
        Of use only where patches were removed.
    """
    rng, side = np.random.default_rng(seed), removed.shape[-1] * _PX_PER_PATCH
    at = (np.arange(side) + 0.5) * crops.shape[-1] / side
    coarse = crops[..., at.astype(int)[:, None], at.astype(int)]
    for one, mask in zip(coarse, _to_pixels(removed, side), strict=True):
        one[:, mask] = _solve(one, mask) + _NOISE * rng.standard_normal((len(one), mask.sum()))
    factor = crops.shape[-1] / side
    return np.clip(zoom(coarse, (1, 1, factor, factor), order=1), 0, 1).astype(np.float32)


def _solve(planes: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return values, (C, M), of masked pixels, each the weighted mean of its neighbours inside the picture."""
    number = np.full(mask.shape, -1)
    number[mask] = np.arange(mask.sum())
    total, known = np.zeros(mask.sum()), np.zeros((mask.sum(), len(planes)))
    rows, columns, weights = [], [], []
    for here, there, weight in _neighbours(mask):
        total += np.bincount(number[here], minlength=len(total)) * weight
        inside = mask[there]
        rows.append(number[here][inside])
        columns.append(number[there][inside])
        weights.append(np.full(inside.sum(), weight))
        values = planes[:, there[0][~inside], there[1][~inside]].T
        np.add.at(known, number[here][~inside], weight * values)
    links = coo_array(
        (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))), shape=(len(total),) * 2
    )
    return np.atleast_2d(spsolve((diags_array(total) - links).tocsc(), known).reshape(known.shape).T)


def _neighbours(
    mask: np.ndarray,
) -> Iterator[tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray], float]]:
    """Yield masked pixels, their neighbours in one of eight directions, and the weight of that direction."""
    y, x = np.nonzero(mask)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            to = y + dy, x + dx
            inside = (to[0] >= 0) & (to[0] < mask.shape[0]) & (to[1] >= 0) & (to[1] < mask.shape[1])
            if dy or dx:
                yield (y[inside], x[inside]), (to[0][inside], to[1][inside]), 1 / 12 if dy and dx else 1 / 6


def _background(crops: np.ndarray) -> np.ndarray:
    """Return the median of each plane on the outline of its crop, (N, C, 1, 1)."""
    sides = (crops[..., 0, :], crops[..., -1, :], crops[..., 0], crops[..., -1])
    return np.median(np.concatenate(sides, axis=-1), axis=-1)[..., None, None].astype(crops.dtype)


def _to_pixels(patches: np.ndarray, side: int) -> np.ndarray:
    """Spread masks of patches, (N, h, w), over crops, (N, side, side)."""
    rows, columns = (np.arange(side) * n // side for n in patches.shape[1:])
    return patches[:, rows[:, None], columns]


def with_interval(differences: np.ndarray, seed: int = 0) -> dict[str, float]:
    """Return the mean of one number per cell with a 95 % bootstrap interval: value, low, high."""
    rng = np.random.default_rng(seed)
    means = differences[rng.integers(0, len(differences), (RESAMPLES, len(differences)))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return {"value": float(differences.mean()), "low": float(low), "high": float(high)}
