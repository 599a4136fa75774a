"""Masks from where pixels end that followed Cellpose's flows."""

from __future__ import annotations

import fastremap
import fill_voids
import numpy as np
import torch
from scipy import ndimage

_MARGIN = 20  # px around the image, so that no neighbourhood reaches beyond an edge
_SEED = 10  # a pixel where more than so many end is the middle of a cell
_TAKEN = 2  # one where more than so many end belongs to a middle near by
_REACH = 5  # px that a middle reaches


def masks_of_ends(
    ends: np.ndarray, pixels: tuple[np.ndarray, np.ndarray], shape: tuple[int, int], min_size_px: int
) -> np.ndarray:
    """Label pixels that end together, fill holes and drop small masks.

    Where most pixels end are middles; a middle takes what is connected to it within five steps. The result is that of
    ``cellpose.dynamics.get_masks_torch`` and ``cellpose.utils.fill_holes_and_remove_small_masks`` (Stringer et al.
    2021), in the same order of ids.

    Parameters
    ----------
    ends : ndarray of shape (2, N), int
        Row and column of the pixel that each is in after the last step.
    pixels : tuple of two ndarray of shape (N,), int
        Where they were before the first.
    shape : (int, int)
    min_size_px : int
        Masks of fewer pixels are dropped; with 0 holes are not filled either.

    Returns
    -------
    ndarray of shape (Y, X), unsigned integer
        Ids 1..n.
    """
    at, sides = tuple(ends + _MARGIN), [side + 2 * _MARGIN for side in shape]
    flat = np.ravel_multi_index(at, sides)
    counts = np.bincount(flat, minlength=sides[0] * sides[1]).astype(np.int32).reshape(sides)
    owner = _owners(counts, _middles(counts))
    labels = np.zeros(shape, np.uint16 if owner.max() < 2**16 else np.uint32)
    labels[pixels] = owner[at]
    fastremap.renumber(labels, in_place=True)
    return _without_holes(labels, min_size_px) if min_size_px else labels


def _middles(counts: np.ndarray) -> np.ndarray:
    """Return rows and columns of the middles, those where fewest end first, (M, 2)."""
    middles = np.argwhere((counts == ndimage.maximum_filter(counts, 5)) & (counts > _SEED))
    # torch's order of equal counts decides which of two neighbours takes a pixel, as in Cellpose
    return middles[torch.from_numpy(counts[tuple(middles.T)]).argsort().numpy()]


def _owners(counts: np.ndarray, middles: np.ndarray) -> np.ndarray:
    """Return the middle that has each pixel, from 1 on; the last one where several reach it."""
    owner = np.zeros(counts.shape, np.int32)
    if not len(middles):
        return owner
    around = np.arange(-_REACH, _REACH + 1)
    windows = middles[:, 0, None, None] + around[:, None], middles[:, 1, None, None] + around
    near = np.zeros((len(middles), len(around), len(around)), bool)
    near[:, _REACH, _REACH] = True
    square = np.ones((1, 3, 3), bool)
    near = ndimage.binary_dilation(near, square, iterations=_REACH, mask=counts[windows] > _TAKEN)
    middle, row, column = np.nonzero(near)
    owner[middles[middle, 0] + around[row], middles[middle, 1] + around[column]] = middle + 1
    return owner


def _without_holes(labels: np.ndarray, min_size_px: int) -> np.ndarray:
    """Fill the holes of each mask, and drop those that are small before that or after, (Y, X)."""
    labels = _without_small(labels, min_size_px)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        labels[box][fill_voids.fill(labels[box] == number)] = number
    return _without_small(labels, min_size_px)


def _without_small(labels: np.ndarray, min_size_px: int) -> np.ndarray:
    ids, n_px = fastremap.unique(labels, return_counts=True)
    kept = fastremap.mask(labels, ids[1:][n_px[1:] < min_size_px])
    fastremap.renumber(kept, in_place=True)
    return kept
