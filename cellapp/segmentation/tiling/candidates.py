"""Cells proposed by tiles: position and size of each, and which cells of two tiles share pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cellapp.segmentation.tiling.grid import Tile, intersection, relative_to
from cellapp.types.image import Region


@dataclass(frozen=True, eq=False)
class CellCandidates:
    """Cells segmented in the windows of tiles; row n of a tile is its label n + 1."""

    area_px: np.ndarray  # (N,) int64, inside the window
    y: np.ndarray  # (N,) float64, centroid in px of the slide
    x: np.ndarray  # (N,) float64
    depth_px: np.ndarray  # (N,) float64: how far the centroid lies inside the core; negative outside it
    cut: np.ndarray  # (N,) bool: the cell touches an edge of the window that is no edge of the slide
    tile: np.ndarray  # (N,) int64, number of the tile

    def __len__(self) -> int:
        return len(self.area_px)


def find_candidates(tile: Tile, labels: np.ndarray, shape: tuple[int, int]) -> CellCandidates:
    """Measure the cells of a tile.

    Parameters
    ----------
    tile : Tile
    labels : ndarray of shape (h, w), integer
        Of the tile's window, ids 1..n without gaps.
    shape : tuple of int
        (Y, X) of the slide, whose own edges cut no cell.
    """
    at = np.flatnonzero(labels)
    rows, n = labels.ravel()[at] - 1, int(labels.max(initial=0))
    area = np.bincount(rows, minlength=n)
    y = np.bincount(rows, at // labels.shape[1], n) / np.maximum(area, 1) + tile.window.y
    x = np.bincount(rows, at % labels.shape[1], n) / np.maximum(area, 1) + tile.window.x
    cut = np.zeros(n + 1, bool)
    cut[inner_edge_labels(labels, tile.window, shape)] = True
    return CellCandidates(area, y, x, _depth_px(tile, y, x, shape), cut[1:], np.full(n, tile.number))


def join_candidates(parts: Sequence[CellCandidates]) -> CellCandidates:
    """Concatenate the candidates of several tiles, at least one."""
    names = CellCandidates.__dataclass_fields__
    return CellCandidates(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


@dataclass(frozen=True, eq=False)
class CandidateOverlaps:
    """Pairs of candidates of two tiles that share pixels; `a` and `b` are rows, labels less 1."""

    a: np.ndarray  # (M,) int64
    b: np.ndarray  # (M,) int64
    n_px: np.ndarray  # (M,) int64, shared pixels
    visible_a_px: np.ndarray  # (M,) int64, pixels of `a` inside both windows
    visible_b_px: np.ndarray  # (M,) int64


def find_overlaps(tile: Tile, labels: np.ndarray, other: Tile, other_labels: np.ndarray) -> CandidateOverlaps:
    """Find which candidates of two tiles share pixels.

    Parameters
    ----------
    tile, other : Tile
        A pair of `overlapping_tiles`.
    labels, other_labels : ndarray of shape (h, w), integer
        Of their windows, ids 1..n without gaps.
    """
    zone = intersection(tile.window, other.window)
    if zone is None:
        return CandidateOverlaps(*(np.zeros(0, np.int64) for _ in range(5)))
    a = labels[relative_to(zone, tile.window).slices].ravel().astype(np.int64)
    b = other_labels[relative_to(zone, other.window).slices].ravel().astype(np.int64)
    visible_a, visible_b = np.bincount(a), np.bincount(b)
    both = (a > 0) & (b > 0)
    codes, n_px = np.unique(a[both] * len(visible_b) + b[both], return_counts=True)
    pair_a, pair_b = codes // len(visible_b), codes % len(visible_b)
    return CandidateOverlaps(pair_a - 1, pair_b - 1, n_px, visible_a[pair_a], visible_b[pair_b])


def inner_edge_labels(labels: np.ndarray, window: Region, shape: tuple[int, int]) -> np.ndarray:
    """Return the labels on those edges of a window that are no edges of the slide: cells there may be cut.

    Parameters
    ----------
    labels : ndarray of shape (h, w), integer
        Of the window.
    window : Region
    shape : tuple of int
        (Y, X) of the slide.

    Returns
    -------
    ndarray of shape (N,), integer
        With repetitions, and with 0 where an edge shows background.
    """
    edges = (
        (window.y > 0, labels[0]),
        (window.x > 0, labels[:, 0]),
        (window.y + window.height < shape[0], labels[-1]),
        (window.x + window.width < shape[1], labels[:, -1]),
    )
    return np.concatenate([np.zeros(0, labels.dtype), *(line for inner, line in edges if inner)])


def _depth_px(tile: Tile, y: np.ndarray, x: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the distance to the nearest seam; pixel n of an axis reaches from n - 1/2 to n + 1/2."""
    depth = np.full(len(y), math.inf)
    spans = ((y, tile.core.y, tile.core.height, shape[0]), (x, tile.core.x, tile.core.width, shape[1]))
    for position, start, length, whole in spans:
        if start > 0:
            depth = np.minimum(depth, position - (start - 0.5))
        if start + length < whole:
            depth = np.minimum(depth, start + length - 0.5 - position)
    return depth
