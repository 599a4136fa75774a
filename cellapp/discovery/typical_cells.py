"""Which cells stand for a cluster, which lie between clusters, and which are like no other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from cellapp.discovery.clustering import IN_NO_CLUSTER

OUTLIER_SHARE = 0.001
"""So many cells of a cluster of Gaussian shape are called outliers by chance."""


@dataclass(frozen=True, eq=False)
class TypicalCells:
    """Row numbers of cells of one cluster."""

    cluster: int
    n_cells: int
    middle: np.ndarray  # (M,) int, nearest to the medoid first, the medoid itself before all
    edge: np.ndarray  # (E,) int, nearest to another cluster first


def typical_cells(points: np.ndarray, labels: np.ndarray, n: int = 12) -> tuple[TypicalCells, ...]:
    """Return the cells to show of each cluster.

    Parameters
    ----------
    points : ndarray of shape (N, D)
    labels : ndarray of shape (N,), int
        -1 is in no cluster.
    n : int
        At most so many of each kind.

    Returns
    -------
    tuple of TypicalCells
        By cluster. Distances are Euclidean; the medoid is the cell nearest to the mean of its cluster, and the edge is
        where the distance to the own mean is largest against that to the nearest other one.
    """
    names = np.unique(labels[labels != IN_NO_CLUSTER])
    means = np.array([points[labels == name].mean(axis=0) for name in names]).reshape(len(names), points.shape[1])
    found = []
    for at, name in enumerate(names):
        rows = np.flatnonzero(labels == name)
        own = np.linalg.norm(points[rows] - means[at], axis=1)
        middle = rows[np.argsort(own, kind="stable")][:n]
        edge = rows[:0]
        if len(names) > 1:
            others = np.delete(means, at, axis=0)
            nearest = np.min([np.linalg.norm(points[rows] - mean, axis=1) for mean in others], axis=0)
            edge = rows[np.argsort(nearest - own, kind="stable")][:n]
        found.append(TypicalCells(int(name), len(rows), middle, edge))
    return tuple(found)


def outliers(points: np.ndarray, labels: np.ndarray, share: float = OUTLIER_SHARE) -> tuple[np.ndarray, np.ndarray]:
    """Find cells that are like no other: debris, doublets, mitoses, or something new.

    Parameters
    ----------
    points : ndarray of shape (N, D)
    labels : ndarray of shape (N,), int
        Cells in no cluster are outliers whatever their distance.
    share : float
        Of the cells of a cluster of Gaussian shape that lie beyond the limit.

    Returns
    -------
    rows : ndarray of shape (M,), int
        Farthest first.
    distance : ndarray of shape (N,), float64
        Mahalanobis distance to the mean of the nearest cluster, with one covariance within clusters.
    """
    n, dimensions = points.shape
    names = np.unique(labels[labels != IN_NO_CLUSTER])
    if n < 2 or dimensions == 0 or not len(names):
        return np.flatnonzero(labels == IN_NO_CLUSTER), np.zeros(n)
    means = np.array([points[labels == name].mean(axis=0) for name in names])
    inside = labels != IN_NO_CLUSTER
    within = points[inside] - means[np.searchsorted(names, labels[inside])]
    covariance = within.T @ within / max(len(within) - len(names), 1)
    covariance += np.eye(dimensions) * (1e-6 * np.trace(covariance) / dimensions + 1e-12)
    whitening = np.linalg.cholesky(np.linalg.inv(covariance))
    distance = np.min([np.linalg.norm((points - mean) @ whitening, axis=1) for mean in means], axis=0)
    beyond = (distance > np.sqrt(chi2.isf(share, dimensions))) | ~inside
    rows = np.flatnonzero(beyond)
    return rows[np.argsort(-distance[rows], kind="stable")], distance
