"""Cells of two sizes in one image: each size is looked for by itself, and the masks are put together."""

from __future__ import annotations

import numpy as np

from cellapp.segmentation.label_image import relabel

COVERED = 0.5  # share of a large mask from which on small ones that are inside it stay in its place


def join_populations(small: np.ndarray, large: np.ndarray) -> np.ndarray:
    """Put the masks of two looks together: large ones where the look for small cells left most of a cell bare.

    Networks see a cell several times as large as they look for as a rim or as nothing, and several cells much smaller
    than they look for as one clump. So a large mask stays where small ones cover less than half of it.

    Parameters
    ----------
    small, large : ndarray of shape (Y, X), int32
        Ids 1..n; masks of the look for small cells and of that for large ones.

    Returns
    -------
    ndarray of shape (Y, X), int32
        Ids 1..n.
    """
    if not large.any() or not small.any():
        return small if small.any() else large
    areas, covered = np.bincount(large.ravel()), np.bincount(large.ravel(), (small > 0).ravel())
    bare = covered < COVERED * areas
    bare[0] = False
    kept = np.where(bare[large], large, 0)
    # Small masks that lie mostly in a large one that stays are pieces of it, such as its rim.
    inside = np.bincount(small.ravel(), (kept > 0).ravel()) > np.bincount(small.ravel()) / 2
    inside[0] = True
    rest = np.where(inside[small], 0, small)
    return relabel(np.where(rest > 0, rest, np.where(kept > 0, kept + small.max(), 0)).astype(np.int32))
