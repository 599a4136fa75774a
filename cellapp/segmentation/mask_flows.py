"""Flows of masks, by Cellpose's diffusion: targets of training, and what the flow check compares the network's with."""

from __future__ import annotations

import numpy as np
from scipy import ndimage, sparse

_AROUND = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)]
"""Steps to the pixels around one, in the order of Cellpose's sums."""


def mask_flows(labels: np.ndarray) -> np.ndarray:
    """Compute the flows that a network of Cellpose's kind is trained to predict.

    Heat is put at the middle of each cell and spreads to the nine pixels around each that belong to the same cell, for
    twice as many rounds as the largest cell is high and wide together; flows follow its gradient (Stringer et al.
    2021). The result is that of ``cellpose.dynamics.masks_to_flows_gpu``, sums in the same order too. A round is one
    product with a sparse matrix here; Cellpose gathers nine numbers for each pixel, which suits a graphics card.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), integer
        Ids 1..n without gaps, 0 is background.

    Returns
    -------
    ndarray of shape (2, Y, X), float32
        Unit vectors (rows, columns) towards the middle of each cell, 0 outside.
    """
    flows = np.zeros((2, *labels.shape), np.float32)
    boxes = ndimage.find_objects(labels)
    if not boxes:
        return flows
    at, spread = _neighbours(np.pad(labels, 1))
    heat = _diffuse(spread, at[_middles(labels, boxes)], n_rounds=2 * max(map(_extent, boxes)))
    padded = np.concatenate([heat, [0.0]])[at]  # the background is cold
    inside = labels > 0
    slopes = np.stack([_difference(padded, 0), _difference(padded, 1)])[:, inside]
    flows[:, inside] = slopes / (1e-60 + np.sqrt((slopes**2).sum(axis=0)))
    return flows


def _neighbours(padded: np.ndarray) -> tuple[np.ndarray, sparse.csr_array]:
    """Return a number for each pixel of a cell, and the matrix that sums over the pixels around each, (N, N)."""
    inside = np.flatnonzero(padded)
    at = np.full(padded.size, len(inside), np.int32)
    at[inside] = np.arange(len(inside), dtype=np.int32)
    flat, steps = padded.ravel(), np.array([y * padded.shape[1] + x for y, x in _AROUND])
    around = inside[:, None] + steps
    same = flat[around] == flat[inside][:, None]
    starts = np.concatenate([[0], np.cumsum(same.sum(axis=1))])
    spread = sparse.csr_array((np.ones(starts[-1]), at[around[same]], starts), shape=(len(inside), len(inside)))
    return at.reshape(padded.shape), spread


def _diffuse(spread: sparse.csr_array, sources: np.ndarray, n_rounds: int) -> np.ndarray:
    heat = np.zeros(spread.shape[0])
    for _ in range(n_rounds):
        heat[sources] += 1
        heat = (spread @ heat) / len(_AROUND)
    return heat


def _middles(labels: np.ndarray, boxes: list[tuple[slice, slice]]) -> tuple[np.ndarray, np.ndarray]:
    """Return row and column in the padded image of the pixel of each cell that is nearest to its centre of mass."""
    middles = np.empty((len(boxes), 2), int)
    for label, (rows, columns) in enumerate(boxes, start=1):
        y, x = np.nonzero(labels[rows, columns] == label)
        nearest = ((y - round(y.mean())) ** 2 + (x - round(x.mean())) ** 2).argmin()
        middles[label - 1] = rows.start + y[nearest], columns.start + x[nearest]
    return tuple(middles.T + 1)


def _extent(box: tuple[slice, slice]) -> int:
    return sum(side.stop - side.start for side in box) + 2


def _difference(padded: np.ndarray, axis: int) -> np.ndarray:
    """Return the next pixel less the one before, along an axis of the image without its padding."""
    inner = padded[:, 1:-1] if axis == 0 else padded[1:-1]
    return np.take(inner, range(2, inner.shape[axis]), axis) - np.take(inner, range(inner.shape[axis] - 2), axis)
