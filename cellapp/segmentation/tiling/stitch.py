"""Which of the cells that overlapping tiles propose are kept, so that none is cut, doubled or lost at a seam.

Two candidates of different tiles are the same cell when one covers at least half of the other. The one kept is the one
that its tile saw whole and deepest inside its core: a rule about the candidates, not about the order in which tiles
were done, so that any order, any number of workers and any engine give the same cells. Cells larger than the halo,
which no tile saw whole, are joined from their pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from cellapp.segmentation.tiling.candidates import CandidateOverlaps, CellCandidates, join_candidates

SAME = 0.5
"""Share of the smaller of two candidates from which on they are one cell."""


@dataclass(frozen=True, eq=False)
class StitchedCells:
    """The choice among all candidates of a slide."""

    ranks: tuple[np.ndarray, ...]  # per tile (n + 1,) int32: label -> rank, 0 for background and for what is dropped
    area_px: np.ndarray  # (K + 1,) int64 by rank: pixels of the largest piece


def stitch(
    candidates: Sequence[CellCandidates], overlaps: Sequence[tuple[int, int, CandidateOverlaps]], band_px: float
) -> StitchedCells:
    """Choose among the candidates of all tiles.

    Parameters
    ----------
    candidates : sequence of CellCandidates
        Of each tile, in the order of the plan.
    overlaps : sequence of (tile, other tile, CandidateOverlaps)
        Of all `overlapping_tiles`, by number; any order.
    band_px : float
        A tile's word about a cell counts as far as this outside its core: centroids found by two tiles differ a
        little, and neither may leave a cell on the seam to the other.

    Returns
    -------
    StitchedCells
        Where kept candidates share pixels, those of the higher rank win.
    """
    if not sum(map(len, candidates)):
        return StitchedCells(tuple(np.zeros(1, np.int32) for _ in candidates), np.zeros(1, np.int64))
    every = join_candidates(candidates)
    starts = np.cumsum([0, *map(len, candidates)])
    pairs = _pairs(overlaps, starts)
    group = _groups(every, pairs)
    heads = _heads(every, group)
    order = _priority(every, heads)
    eligible = _any_of(group, every.depth_px >= -band_px)
    kept = _choose(order, eligible, _conflicts(every, pairs, group))
    rank_of = np.zeros(len(heads), np.int32)
    rank_of[kept[::-1]] = np.arange(1, len(kept) + 1)
    ranks = rank_of[group]
    area = np.zeros(len(kept) + 1, np.int64)
    np.maximum.at(area, ranks, np.where(ranks > 0, every.area_px, 0))
    parts = (ranks[first:last] for first, last in pairwise(starts))
    return StitchedCells(tuple(np.concatenate([np.zeros(1, np.int32), part]) for part in parts), area)


@dataclass(frozen=True, eq=False)
class _Pairs:
    a: np.ndarray  # (M,) int64, rows of the joined candidates
    b: np.ndarray
    n_px: np.ndarray
    seen_px: np.ndarray  # of the smaller of the two, where both windows look


def _pairs(overlaps: Sequence[tuple[int, int, CandidateOverlaps]], starts: np.ndarray) -> _Pairs:
    none = [np.zeros(0, np.int64)]
    return _Pairs(
        np.concatenate(none + [starts[tile] + found.a for tile, _, found in overlaps]),
        np.concatenate(none + [starts[other] + found.b for _, other, found in overlaps]),
        np.concatenate(none + [found.n_px for _, _, found in overlaps]),
        np.concatenate(none + [np.minimum(found.seen_a_px, found.seen_b_px) for _, _, found in overlaps]),
    )


def _groups(every: CellCandidates, pairs: _Pairs) -> np.ndarray:
    """Tell which rows are one cell: each by itself, but for pieces that agree where both windows look."""
    joined = every.cut[pairs.a] & every.cut[pairs.b] & (pairs.n_px >= SAME * pairs.seen_px)
    links = (np.ones(joined.sum()), (pairs.a[joined], pairs.b[joined]))
    return connected_components(sparse.coo_array(links, (len(every), len(every))), directed=False)[1]


def _heads(every: CellCandidates, group: np.ndarray) -> np.ndarray:
    """Return the row that speaks for each group: the best by `_priority`."""
    order = _priority(every, np.arange(len(every)))
    heads = np.empty(group.max() + 1, np.int64)
    heads[group[order][::-1]] = order[::-1]  # of a group's rows the last one written, the best, stays
    return heads


def _priority(every: CellCandidates, rows: np.ndarray) -> np.ndarray:
    """Order rows, best first: seen whole, deep inside the core, large; then by place, which leaves no tie."""
    keys = (every.tile, every.x, every.y, -every.area_px, -every.depth_px, every.cut)
    return np.lexsort([key[rows] for key in keys])


def _any_of(group: np.ndarray, true: np.ndarray) -> np.ndarray:
    return np.bincount(group, true) > 0


def _conflicts(every: CellCandidates, pairs: _Pairs, group: np.ndarray) -> dict[int, list[int]]:
    """Say which groups are the same cell seen by different tiles."""
    smaller = np.minimum(every.area_px[pairs.a], every.area_px[pairs.b])
    same = (pairs.n_px >= SAME * smaller) & (group[pairs.a] != group[pairs.b])
    found: dict[int, list[int]] = {}
    for a, b in zip(group[pairs.a[same]].tolist(), group[pairs.b[same]].tolist(), strict=True):
        found.setdefault(a, []).append(b)
        found.setdefault(b, []).append(a)
    return found


def _choose(order: np.ndarray, eligible: np.ndarray, conflicts: dict[int, list[int]]) -> np.ndarray:
    """Keep the best and drop what contradicts it, and so on."""
    kept, dropped = [], set[int]()
    for number in order.tolist():
        if eligible[number] and number not in dropped:
            kept.append(number)
            dropped.update(conflicts.get(number, ()))
    return np.array(kept, dtype=np.int64)
