"""How many clusters there are: one clustering per number, what speaks for each, and which is recommended."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import adjusted_rand_score, calinski_harabasz_score, davies_bouldin_score, silhouette_score

from cellapp.discovery.clustering import IN_NO_CLUSTER, Clustering, cluster
from cellapp.errors import InputError
from cellapp.types.image import OnStep

RANGE = tuple(range(1, 11))
"""Numbers of clusters that are tried where none is asked for."""
_RESOLUTIONS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
_SHARES = (0.2, 0.15, 0.1, 0.07, 0.05, 0.03, 0.02, 0.01)  # of the cells, the smallest cluster of HDBSCAN
_RESAMPLES, _SHARE, _RESAMPLED = 10, 0.8, 2_000
_MOST_DISTANCES = 5_000  # cells of which all distances are held at once
STEADY = 0.75
"""Mean adjusted Rand index from which clusters come back in parts of the cells."""


@dataclass(frozen=True)
class Indices:
    """What speaks for a number of clusters. None where there is no such number, as for one cluster."""

    k: int
    setting: float
    in_no_cluster: int  # cells
    silhouette: float | None  # -1 to 1, higher is better
    davies_bouldin: float | None  # 0 and up, lower is better
    calinski_harabasz: float | None  # higher is better
    stability: float | None  # adjusted Rand index with clusterings of random parts, 1 is the same clusters each time
    bic: float | None  # of mixtures, lower is better


@dataclass(frozen=True, eq=False)
class ClusterChoice:
    """The clusterings that were tried, and the recommended or asked-for one."""

    method: str
    tried: tuple[Indices, ...]
    chosen: Clustering
    reason: str  # one sentence for the user

    @property
    def indices(self) -> Indices:
        """Those of the chosen clustering."""
        return next(each for each in self.tried if each.setting == self.chosen.setting)


def choose_clusters(
    features: np.ndarray,
    points: np.ndarray,
    method: str,
    k: int | None = None,
    *,
    seed: int = 0,
    numbers: Sequence[int] = RANGE,
    on_step: OnStep = lambda step, part: None,
) -> ClusterChoice:
    """Cluster cells with each number of clusters and choose one.

    Parameters
    ----------
    features : ndarray of shape (N, F)
        Vectors that the indices are computed on, by Euclidean distance.
    points : ndarray of shape (N, D)
        The same cells as they are clustered, see `cellapp.discovery.clustering.reduced`.
    method : str
        A mixture is chosen by its Bayesian information criterion, which may say that there is one cluster; the other
        methods by the silhouette among clusterings whose clusters come back in random parts of the cells.
    k : int, optional
        The number asked for.
    seed : int
    numbers : sequence of int
        Tried where the method takes a number.
    on_step : callable
        Told of each clustering; may raise `Cancelled`.

    Raises
    ------
    InputError
        When no setting of the method gives the number asked for.
    """
    found: dict[int, tuple[Clustering, Indices]] = {}
    settings = _settings(method, len(points), k, numbers)
    for done, setting in enumerate(settings):
        on_step(f"Clustering, {done + 1} of {len(settings)}", done / len(settings))
        clustering = cluster(points, method, setting, seed=seed)
        if clustering.k not in found:
            found[clustering.k] = clustering, measure(features, points, clustering, method, seed=seed)
    tried = tuple(indices for _, (_, indices) in sorted(found.items()))
    if k is None:
        k, reason = _recommended(tried, method)
    elif k in found:
        reason = f"{k} were asked for."
    else:
        reached = ", ".join(str(number) for number in sorted(found))
        raise InputError(f"{method} finds {reached} clusters here and not {k}: ask for one of these, or take gmm")
    return ClusterChoice(method, tried, found[k][0], reason)


def measure(features: np.ndarray, points: np.ndarray, clustering: Clustering, method: str, *, seed: int = 0) -> Indices:
    """Return the indices of a clustering; cells in no cluster are left out.

    Above 5,000 cells the silhouette is that of as many at random.

    Parameters
    ----------
    features : ndarray of shape (N, D)
        What distances between cells are measured on.
    points : ndarray of shape (N, d)
        What was clustered; `stability` clusters parts of it again.
    clustering : Clustering
        Of the N cells.
    method : str
        That made it, see `cellapp.discovery.clustering.cluster`.
    seed : int
    """
    inside = clustering.labels != IN_NO_CLUSTER
    rows, labels = features[inside], clustering.labels[inside]
    internal = [None, None, None]
    if 2 <= clustering.k < len(rows):
        size = min(_MOST_DISTANCES, len(rows)) if len(rows) > _MOST_DISTANCES else None
        internal = [
            float(silhouette_score(rows, labels, sample_size=size, random_state=seed)),
            float(davies_bouldin_score(rows, labels)),
            float(calinski_harabasz_score(rows, labels)),
        ]
    steady = stability(points, clustering, method, seed=seed)
    return Indices(clustering.k, clustering.setting, int((~inside).sum()), *internal, steady, clustering.bic)


def stability(points: np.ndarray, clustering: Clustering, method: str, *, seed: int = 0) -> float | None:
    """Return how well clusters come back in random parts of the cells.

    Parameters
    ----------
    points : ndarray of shape (N, D)
    clustering : Clustering
        Of all of them.
    method : str
    seed : int

    Returns
    -------
    float or None
        Mean adjusted Rand index (Hubert and Arabie 1985) between the clusters of ten random parts, each of 80 % of the
        cells and at most 2,000, clustered by themselves, and the clusters of all cells; None for fewer than two.
    """
    if clustering.k < 2:
        return None
    generator, agreements = np.random.default_rng(seed), []
    size = min(int(_SHARE * len(points)), _RESAMPLED)
    setting = clustering.setting
    if method == "hdbscan":
        setting = max(2, round(setting * size / len(points)))  # the same share of the cells
    for repeat in range(_RESAMPLES):
        part = generator.choice(len(points), size, replace=False)
        if method in ("gmm", "kmeans") and setting > size:
            return None
        again = cluster(points[part], method, setting, seed=seed + repeat)
        agreements.append(adjusted_rand_score(clustering.labels[part], again.labels))
    return float(np.mean(agreements))


def as_row(indices: Indices) -> dict[str, float | int | None]:
    """Return indices as plain values, in the order of their columns."""
    return {
        name: round(value, 6) if isinstance(value, float) else value
        for name, value in dataclasses.asdict(indices).items()
    }


def _settings(method: str, n: int, k: int | None, numbers: Sequence[int]) -> list[float]:
    if method == "leiden":
        return list(_RESOLUTIONS)
    if method == "hdbscan":
        return sorted({max(2, round(share * n)) for share in _SHARES}, reverse=True)
    tried = sorted({*numbers, *([k] if k else [])})
    return [number for number in tried if number <= max(n, 1)] or [1]


def _recommended(tried: Sequence[Indices], method: str) -> tuple[int, str]:
    """Return the recommended number and why, in one sentence."""
    if method == "gmm":
        best = min(tried, key=lambda each: each.bic if each.bic is not None else np.inf)
        if best.k == 1:
            return 1, "One cluster describes these cells best (BIC): nothing here says that there are kinds of cells."
        end = " It is the largest number tried; there may be more." if best.k == tried[-1].k else ""
        return best.k, f"{best.k} clusters have the lowest BIC of {tried[0].k} to {tried[-1].k}.{end}"
    several = [each for each in tried if each.silhouette is not None]
    if not several:
        return tried[0].k, f"{method} finds {tried[0].k} cluster{'s' * (tried[0].k != 1)} in these cells."
    steady = [each for each in several if (each.stability or 0) >= STEADY]
    best = max(steady or several, key=lambda each: each.silhouette)
    of = f"with a stability of at least {STEADY:g}" if steady else f"though none has a stability of {STEADY:g}"
    return best.k, f"{best.k} clusters have the highest silhouette, {best.silhouette:.2f}, {of}."
