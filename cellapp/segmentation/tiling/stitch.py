"""Select among the cells that overlapping tiles propose, so that none is cut, doubled or lost at a seam.

Two candidates of different tiles are the same cell when one covers at least half of the other. The selected one is
whole in its tile's window and lies deepest inside its core: a rule about candidates, not about the order in which tiles
are done, so that any order, any number of workers and any engine give the same cells. Cells larger than the halo, which
are whole in no window, are joined from their pieces.
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
    """The selected candidates of a slide."""

    ranks: tuple[np.ndarray, ...]  # per tile (n + 1,) int32: label -> rank, 0 for background and dropped candidates
    area_px: np.ndarray  # (K + 1,) int64 by rank: pixels of the largest piece


def stitch(
    candidates: Sequence[CellCandidates], overlaps: Sequence[tuple[int, int, CandidateOverlaps]], band_px: float
) -> StitchedCells:
    """Select among the candidates of all tiles.

    Parameters
    ----------
    candidates : sequence of CellCandidates
        Of each tile, in the order of the plan.
    overlaps : sequence of (tile, other tile, CandidateOverlaps)
        Of all `overlapping_tiles`, by number; any order.
    band_px : float
        Candidates count as far as this outside the core of their tile: centroids of one cell differ a little between
        two tiles, and a cell on the seam must not be dropped by both.

    Returns
    -------
    StitchedCells
        Where selected candidates share pixels, the higher rank wins.
    """
    if not sum(map(len, candidates)):
        return StitchedCells(tuple(np.zeros(1, np.int32) for _ in candidates), np.zeros(1, np.int64))
    every = join_candidates(candidates)
    starts = np.cumsum([0, *map(len, candidates)])
    pairs = _pairs(overlaps, starts)
    group = _groups(every, pairs)
    best = _best_rows(every, group)
    order = _priority(every, best)
    eligible = _any_of(group, every.depth_px >= -band_px)
    selected = _select(order, eligible, _conflicts(every, pairs, group))
    rank_of = np.zeros(len(best), np.int32)
    rank_of[selected[::-1]] = np.arange(1, len(selected) + 1)
    ranks = rank_of[group]
    area = np.zeros(len(selected) + 1, np.int64)
    np.maximum.at(area, ranks, np.where(ranks > 0, every.area_px, 0))
    parts = (ranks[first:last] for first, last in pairwise(starts))
    return StitchedCells(tuple(np.concatenate([np.zeros(1, np.int32), part]) for part in parts), area)


@dataclass(frozen=True, eq=False)
class _Pairs:
    a: np.ndarray  # (M,) int64, rows of the joined candidates
    b: np.ndarray
    n_px: np.ndarray
    visible_px: np.ndarray  # of the smaller of the two, inside both windows


def _pairs(overlaps: Sequence[tuple[int, int, CandidateOverlaps]], starts: np.ndarray) -> _Pairs:
    none = [np.zeros(0, np.int64)]
    return _Pairs(
        np.concatenate(none + [starts[tile] + pairs.a for tile, _, pairs in overlaps]),
        np.concatenate(none + [starts[other] + pairs.b for _, other, pairs in overlaps]),
        np.concatenate(none + [pairs.n_px for _, _, pairs in overlaps]),
        np.concatenate(none + [np.minimum(pairs.visible_a_px, pairs.visible_b_px) for _, _, pairs in overlaps]),
    )


def _groups(every: CellCandidates, pairs: _Pairs) -> np.ndarray:
    """Return the number of the cell of each row: its own, except for pieces that agree inside both windows."""
    joined = every.cut[pairs.a] & every.cut[pairs.b] & (pairs.n_px >= SAME * pairs.visible_px)
    links = (np.ones(joined.sum()), (pairs.a[joined], pairs.b[joined]))
    return connected_components(sparse.coo_array(links, (len(every), len(every))), directed=False)[1]


def _best_rows(every: CellCandidates, group: np.ndarray) -> np.ndarray:
    """Return the first row of each group by `_priority`."""
    order = _priority(every, np.arange(len(every)))
    best = np.empty(group.max() + 1, np.int64)
    best[group[order][::-1]] = order[::-1]  # of a group's rows the last one written, the best, stays
    return best


def _priority(every: CellCandidates, rows: np.ndarray) -> np.ndarray:
    """Order rows, best first: whole, deep inside the core, large; then by position, which leaves no tie."""
    keys = (every.tile, every.x, every.y, -every.area_px, -every.depth_px, every.cut)
    return np.lexsort([key[rows] for key in keys])


def _any_of(group: np.ndarray, true: np.ndarray) -> np.ndarray:
    return np.bincount(group, true) > 0


def _conflicts(every: CellCandidates, pairs: _Pairs, group: np.ndarray) -> dict[int, list[int]]:
    """Return for each group those that are the same cell in another tile."""
    smaller = np.minimum(every.area_px[pairs.a], every.area_px[pairs.b])
    same = (pairs.n_px >= SAME * smaller) & (group[pairs.a] != group[pairs.b])
    conflicts: dict[int, list[int]] = {}
    for a, b in zip(group[pairs.a[same]].tolist(), group[pairs.b[same]].tolist(), strict=True):
        conflicts.setdefault(a, []).append(b)
        conflicts.setdefault(b, []).append(a)
    return conflicts


def _select(order: np.ndarray, eligible: np.ndarray, conflicts: dict[int, list[int]]) -> np.ndarray:
    """Select groups in order, each time dropping those in conflict with it."""
    selected, dropped = [], set[int]()
    for number in order.tolist():
        if eligible[number] and number not in dropped:
            selected.append(number)
            dropped.update(conflicts.get(number, ()))
    return np.array(selected, dtype=np.int64)
