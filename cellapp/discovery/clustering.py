"""Clusters of cells that no label asked for: mixtures, k-means, density and graph clustering on vectors.

A clustering sees vectors only. Classes and conditions are compared with it afterwards, see
`cellapp.discovery.cluster_table`, so that agreement with them is a finding and not an input.
"""

from __future__ import annotations

import ctypes
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import kneighbors_graph

from cellapp.errors import InputError

MAX_DIMENSIONS = 20
"""A mixture with full covariances has a parameter per pair of dimensions, so that it needs few of them."""
IN_NO_CLUSTER = -1
_LARGEST = 1e15  # squares of larger numbers leave what the maps of cells compute with
_MOST_CELLS = 10_000
_NEIGHBOURS = 15
_INITS = 3
_CELLS_PER_PARAMETER = 10


@dataclass(frozen=True, eq=False)
class Clustering:
    """Cells in clusters; clusters are numbered from 0 by falling size."""

    labels: np.ndarray  # (N,) int32; -1 is a cell in no cluster, which only HDBSCAN leaves
    setting: float  # what the method was asked for: k, the smallest cluster (HDBSCAN) or the resolution (Leiden)
    bic: float | None = None  # of a mixture, lower is better

    @property
    def k(self) -> int:
        """Number of clusters."""
        return int(self.labels.max(initial=IN_NO_CLUSTER)) + 1


def reduced(features: np.ndarray, *, seed: int = 0, dimensions: int = MAX_DIMENSIONS) -> np.ndarray:
    """Project vectors on their first principal components, unscaled, so that distances stay what they were.

    Parameters
    ----------
    features : ndarray of shape (N, F)
    seed : int
        Of the randomised solver, which takes over where F and N are large.
    dimensions : int
        At most so many components.

    Returns
    -------
    ndarray of shape (N, D), float64
        D is the smallest of `dimensions`, F and N.

    Raises
    ------
    InputError
        When a number is not finite, or too large to be squared.
    """
    if not (np.abs(features) <= _LARGEST).all():  # also where one is NaN
        raise InputError(
            f"vectors to cluster must be finite numbers of at most {_LARGEST:.0e}; take out the cells that hold NaN, "
            "infinity or more"
        )
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64) if len(features) else features
    size = min(dimensions, *centred.shape)
    if size == 0 or len(centred) < 2:
        return np.zeros((len(features), size))
    with np.errstate(invalid="ignore"):  # shares of no variance at all
        return PCA(size, random_state=seed).fit_transform(centred)


def gaussian_mixture(points: np.ndarray, setting: float, seed: int) -> Clustering:
    """Fit a mixture of Gaussians with full covariances (expectation maximisation; scikit-learn).

    Above 10,000 cells the mixture is fitted to as many at random, and all are assigned; BIC is of the fitted ones. Of
    few cells the first components alone are taken, so that ten cells stand for each parameter of a Gaussian.
    """
    points = points[:, : _supported(len(points))]
    few = _some(points, seed)
    mixture = GaussianMixture(int(setting), n_init=_INITS, random_state=seed, reg_covar=_floor(few)).fit(few)
    return Clustering(_by_size(mixture.predict(points)), setting, float(mixture.bic(few)))


def k_means(points: np.ndarray, setting: float, seed: int) -> Clustering:
    """Lloyd's k-means with k-means++ starts, the best of ten."""
    return Clustering(_by_size(KMeans(int(setting), n_init=10, random_state=seed).fit_predict(points)), setting)


def density(points: np.ndarray, setting: float, seed: int) -> Clustering:
    """HDBSCAN (Campello et al. 2013); `setting` is the smallest number of cells that make a cluster."""
    smallest = max(2, int(setting))
    if len(points) < smallest:
        return Clustering(np.full(len(points), IN_NO_CLUSTER, np.int32), setting)
    found = HDBSCAN(min_cluster_size=smallest, copy=True).fit_predict(points)
    return Clustering(_by_size(found), setting)


def leiden(points: np.ndarray, setting: float, seed: int) -> Clustering:
    """Leiden communities (Traag et al. 2019) of the graph of 15 nearest neighbours; `setting` is the resolution."""
    from sknetwork.clustering import Leiden

    neighbours = min(_NEIGHBOURS, len(points) - 1)
    graph = kneighbors_graph(points, neighbours, include_self=False)
    graph = ((graph + graph.T) > 0).astype(np.float64).tocsr()
    _seed_c(seed)
    found = Leiden(resolution=setting, shuffle_nodes=False, random_state=seed).fit_predict(graph)
    return Clustering(_by_size(found), setting)


METHODS: Mapping[str, Callable[[np.ndarray, float, int], Clustering]] = {
    "gmm": gaussian_mixture,
    "kmeans": k_means,
    "hdbscan": density,
    "leiden": leiden,
}
"""By the names that people choose from."""


def cluster(points: np.ndarray, method: str, setting: float, *, seed: int = 0) -> Clustering:
    """Group cells.

    Parameters
    ----------
    points : ndarray of shape (N, D)
        From `reduced`.
    method : str
        One of `METHODS`.
    setting : float
        What the method takes, see its function.
    seed : int
        The same seed gives the same clusters.

    Returns
    -------
    Clustering
        Everything in one cluster where there are fewer than two different cells.

    Raises
    ------
    InputError
        When the method is not known, or there are fewer cells than clusters asked for.
    """
    if method not in METHODS:
        raise InputError(f"no way of clustering {method!r}; there are {', '.join(METHODS)}")
    if method in ("gmm", "kmeans") and setting > max(len(points), 1):
        raise InputError(f"{setting:g} clusters need at least as many cells; there are {len(points)}: ask for fewer")
    if len(points) < 2 or not np.ptp(points, axis=0).any():
        return Clustering(np.zeros(len(points), np.int32), setting)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different cells than clusters: some stay empty
        return METHODS[method](points, setting, seed)


def _seed_c(seed: int) -> None:
    """Seed the random numbers of the C library, which scikit-network's refinement draws from whatever its own seed."""
    library = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
    library.srand(ctypes.c_uint(seed))


def _some(points: np.ndarray, seed: int) -> np.ndarray:
    if len(points) <= _MOST_CELLS:
        return points
    return points[np.random.default_rng(seed).choice(len(points), _MOST_CELLS, replace=False)]


def _supported(n: int) -> int:
    """Return for how many dimensions `n` cells tell a full covariance and a mean."""
    return max(1, int((np.sqrt(9 + 8 * n / _CELLS_PER_PARAMETER) - 3) / 2))


def _floor(points: np.ndarray) -> float:
    """Return what is added to each variance, so that copies of one cell are no cluster of infinite density."""
    return 1e-6 * max(float(points.var()), 1e-12)


def _by_size(labels: np.ndarray) -> np.ndarray:
    """Return clusters numbered by falling size; of equal ones that of the earliest cell comes first."""
    names, first, counts = np.unique(labels, return_index=True, return_counts=True)
    inside = names != IN_NO_CLUSTER
    order = names[inside][np.lexsort((first[inside], -counts[inside]))]
    ranks = {name: rank for rank, name in enumerate(order)} | {IN_NO_CLUSTER: IN_NO_CLUSTER}
    return np.array([ranks[label] for label in labels], np.int32)
