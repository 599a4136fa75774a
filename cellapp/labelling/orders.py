"""Which cell to label next: rankings of cells, each a permutation of all of them, best first.

Cells that have a label come after those that have none, in the same ranking.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cellapp.classification.novelty import fit_novelty
from cellapp.errors import InputError

N_DIFFERENT = 200
"""So many cells are chosen farthest first; the others follow by their distance from those."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """N cells to choose from."""

    vectors: np.ndarray  # (N, F)
    labelled: np.ndarray  # (N,) bool
    probabilities: np.ndarray | None = None  # (N, K); None before there is a probe
    images: Sequence[str] = ()  # N; needed by the order by image


@dataclass(frozen=True)
class OrderOptions:
    """What some orders need beside the cells."""

    seed: int = 0  # of the random order
    like: tuple[int, ...] = ()  # row numbers of the cells that others should be like
    class_index: int = 0  # column of the probabilities that the band is of
    band: tuple[float, float] = field(default=(0.4, 0.6))


def least_sure(cells: Candidates, options: OrderOptions = OrderOptions()) -> np.ndarray:
    """Rank by the difference of the two highest probabilities, smallest first (margin sampling, Scheffer 2001)."""
    ordered = np.sort(_probabilities(cells), axis=1)
    return _ranked(cells, ordered[:, -1] - ordered[:, -2])


def most_different(cells: Candidates, options: OrderOptions = OrderOptions()) -> np.ndarray:
    """Rank so that each cell is as far as can be from all labelled ones and all before it (farthest first).

    Gonzalez 1985; also known as the core-set order (Sener and Savarese 2018). Without labels it starts with the cell
    nearest to the mean. Distances are Euclidean on standardised vectors; of equal ones the first row comes first.
    """
    unlabelled = np.flatnonzero(~cells.labelled)
    if not len(unlabelled):
        return np.arange(len(cells.labelled))
    vectors = _standardised(cells.vectors)
    own = (vectors**2).sum(axis=1)
    if cells.labelled.any():
        nearest = _nearest(vectors, vectors[cells.labelled])
        chosen: list[int] = []
    else:
        chosen = [int(np.argmin(own))]
        nearest = _squared(vectors, own, chosen[0])
    nearest[cells.labelled | np.isin(np.arange(len(vectors)), chosen)] = -1
    while len(chosen) < min(N_DIFFERENT, len(unlabelled)):
        chosen.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, _squared(vectors, own, chosen[-1]))
        nearest[chosen[-1]] = -1  # below every distance, that of a copy of a chosen cell too
    rest = np.setdiff1d(unlabelled, chosen)
    rest = rest[np.argsort(-nearest[rest], kind="stable")]
    return np.concatenate([np.asarray(chosen, np.int64), rest, np.flatnonzero(cells.labelled)])


def oddest(cells: Candidates, options: OrderOptions = OrderOptions()) -> np.ndarray:
    """Rank by the Mahalanobis distance from the mean of all cells, largest first; debris and doublets come early."""
    n = len(cells.vectors)
    if n < 2:
        return np.arange(n)
    vectors = _standardised(cells.vectors)
    return _ranked(cells, -fit_novelty(vectors, np.zeros(n, np.int64), 1).distance(vectors))


def in_band(cells: Candidates, options: OrderOptions = OrderOptions()) -> np.ndarray:
    """Rank cells whose probability of a class lies in a band first, nearest to its middle; then by distance from it."""
    low, high = options.band
    if not 0 <= low <= high <= 1:
        raise InputError(f"a band of probability goes from a lower to a higher number from 0 to 1; got {low} to {high}")
    return _ranked(cells, np.abs(_probabilities(cells)[:, options.class_index] - (low + high) / 2))


def more_like(cells: Candidates, options: OrderOptions = OrderOptions()) -> np.ndarray:
    """Rank by the distance from the nearest of some cells, these first."""
    if not options.like:
        raise InputError("more like this one needs a cell to be like; choose one")
    vectors = _standardised(cells.vectors)
    return _ranked(cells, _nearest(vectors, vectors[list(options.like)]))


def by_image(cells: Candidates, options: OrderOptions = OrderOptions()) -> np.ndarray:
    """Keep cells of an image together, images in the order in which they come first."""
    position = {name: at for at, name in enumerate(dict.fromkeys(cells.images))}
    return _ranked(cells, np.array([position[name] for name in cells.images], np.float64))


def at_random(cells: Candidates, options: OrderOptions = OrderOptions()) -> np.ndarray:
    """Rank by chance; the same seed gives the same order. Agreement with labels of such cells is that on all cells."""
    return _ranked(cells, np.random.default_rng(options.seed).random(len(cells.vectors)))


ORDERS: Mapping[str, Callable[[Candidates, OrderOptions], np.ndarray]] = {
    "least-sure": least_sure,
    "most-different": most_different,
    "oddest": oddest,
    "band": in_band,
    "like": more_like,
    "image": by_image,
    "random": at_random,
}
"""By the names that people choose from."""


def order_cells(name: str, cells: Candidates, options: OrderOptions = OrderOptions()) -> np.ndarray:
    """Rank cells in one of `ORDERS`.

    Returns
    -------
    ndarray of shape (N,), int64
        Row numbers, best first, each once; cells without a label before the others.

    Raises
    ------
    InputError
        There is no such order, or the cells lack what it needs.
    """
    if name not in ORDERS:
        raise InputError(f"no order {name!r}; choose one of: {', '.join(ORDERS)}")
    return ORDERS[name](cells, options)


def _probabilities(cells: Candidates) -> np.ndarray:
    if cells.probabilities is None:
        raise InputError("this order needs probabilities; label at least one cell of each of two classes first")
    return cells.probabilities


def _ranked(cells: Candidates, rank: np.ndarray) -> np.ndarray:
    """Return rows by labelled or not, then by `rank`, smallest first, then by row."""
    return np.lexsort((rank, cells.labelled)).astype(np.int64)


def _standardised(vectors: np.ndarray) -> np.ndarray:
    centred = vectors.astype(np.float32) - vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    std = centred.std(axis=0)
    return centred / np.where(std > 0, std, 1)


def _squared(vectors: np.ndarray, own: np.ndarray, row: int) -> np.ndarray:
    """Return the squared distance of each vector, of squared length `own`, to that of a row; one product, no copies."""
    return np.maximum(own + own[row] - 2 * (vectors @ vectors[row]), 0)


def _nearest(vectors: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the squared distance of each vector, (N,), to the nearest of some points, (M, F)."""
    nearest = np.full(len(vectors), np.inf, np.float32)
    own = (vectors**2).sum(axis=1)
    for start in range(0, len(points), 256):  # bounds the memory
        some = points[start : start + 256]
        squared = own[:, None] + (some**2).sum(axis=1) - 2 * vectors @ some.T
        nearest = np.minimum(nearest, squared.min(axis=1))
    return np.maximum(nearest, 0)
