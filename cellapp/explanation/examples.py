"""Reasons by example: the cells nearest to one in the space of the head."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

_AT_MOST = 1000  # cells from which the usual distance is taken


def nearest(query: np.ndarray, features: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows nearest to one vector, the nearest first.

    Parameters
    ----------
    query : ndarray of shape (F,)
    features : ndarray of shape (N, F)
        Both standardised as the head does, so that every feature counts by its spread among the training cells.
    k : int

    Returns
    -------
    rows : ndarray of int
        min(k, N) of them; of equal distances the first.
    distances : ndarray of float64
        Euclidean, in the same order.
    """
    away = np.linalg.norm(features - query, axis=1) if len(features) else np.zeros(0)
    rows = np.argsort(away, kind="stable")[:k]
    return rows, away[rows]


def usual_distance(features: np.ndarray) -> float:
    """Return the median distance of a cell to its nearest neighbour: what counts as near; NaN for fewer than two cells.

    Parameters
    ----------
    features : ndarray of shape (N, F)
        Of many cells some are taken, spread over the order they come in.
    """
    n = len(features)
    if n < 2:
        return float("nan")
    some = features[np.linspace(0, n - 1, min(n, _AT_MOST)).astype(int)]
    away = cdist(some, some)
    np.fill_diagonal(away, np.inf)
    return float(np.median(away.min(axis=1)))
