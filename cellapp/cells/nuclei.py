"""Which nucleus belongs to which cell."""

from __future__ import annotations

import numpy as np

from cellapp.errors import InputError

_ROWS = 2048  # of the label images compared at a time: those of a slide may lie on disk


def match_nuclei(nuclei: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Give nuclei the ids of the cells they lie in.

    A nucleus belongs to the cell that covers most of it, if that is at least half of it; what of it lies outside that
    cell is left out. A cell may have several nuclei, or none.

    Parameters
    ----------
    nuclei, cells : ndarray of shape (Y, X), int
        Label images; 0 is background.

    Returns
    -------
    ndarray of shape (Y, X), int32
        Id of the cell on its nuclei, 0 elsewhere.

    Raises
    ------
    InputError
        When the two differ in size.
    """
    if nuclei.shape != cells.shape:
        raise InputError(f"nuclei of shape {nuclei.shape} cannot be matched to cells of shape {cells.shape}")
    cell_of = _cell_of_each(nuclei, cells)
    matched = np.zeros(cells.shape, np.int32)
    for rows in _row_blocks(cells):
        own = cell_of[nuclei[rows]]
        matched[rows] = np.where(own == cells[rows], own, 0)
    return matched


def _cell_of_each(nuclei: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return the cell of each nucleus by its id, (largest id + 1,) int32; 0 where it has none."""
    pairs, counts = [np.zeros((2, 0), np.int64)], [np.zeros(0, np.int64)]
    for rows in _row_blocks(cells):
        there = nuclei[rows] > 0
        both, n_px = np.unique(np.stack([nuclei[rows][there], cells[rows][there]]), axis=1, return_counts=True)
        pairs.append(both.astype(np.int64))
        counts.append(n_px)
    (nucleus, cell), of_pair = np.unique(np.concatenate(pairs, axis=1), axis=1, return_inverse=True)
    n_px = np.bincount(of_pair.ravel(), np.concatenate(counts), len(nucleus))
    area = np.bincount(nucleus, n_px, int(nuclei.max(initial=0)) + 1)
    cell_of = np.zeros(len(area), np.int32)
    order = np.argsort(n_px, kind="stable")
    order = order[(cell[order] > 0) & (n_px[order] >= area[nucleus[order]] / 2)]
    cell_of[nucleus[order]] = cell[order]  # of several, the last counts, which is the largest
    return cell_of


def _row_blocks(labels: np.ndarray) -> list[slice]:
    return [slice(start, start + _ROWS) for start in range(0, labels.shape[0], _ROWS)]
