"""Label images: resizing, renumbering, dropping the small."""

from __future__ import annotations

import numpy as np

from cellapp.errors import InputError


def resize_labels(labels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Resize by nearest neighbour, the only way that invents no cells.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), integer
    shape : (int, int)
        Wanted rows and columns, at least 1.

    Returns
    -------
    ndarray of that shape
        Same dtype; ids are a subset of those of `labels`.

    Raises
    ------
    InputError
        When `labels` are no integers in two dimensions, or a side is below 1.
    """
    if labels.ndim != 2 or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(
            f"a label image is a (Y, X) array of integers; got {labels.dtype} of shape {labels.shape}: convert it first"
        )
    if min(shape) < 1 or 0 in labels.shape:
        raise InputError(
            f"label images have at least one row and column; cannot resize {labels.shape} to {tuple(shape)}"
        )
    rows, columns = (_nearest(old, new) for old, new in zip(labels.shape, shape, strict=True))
    return labels[np.ix_(rows, columns)]


def relabel(labels: np.ndarray) -> np.ndarray:
    """Renumber to 1..n without gaps, in the order of the old ids.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), integer
        0 is background.

    Returns
    -------
    ndarray of shape (Y, X), int32
    """
    ids, inverse = np.unique(labels, return_inverse=True)
    numbers = np.cumsum(ids != 0, dtype=np.int32) * (ids != 0)
    return numbers.astype(np.int32)[inverse].reshape(labels.shape)


def drop_small(labels: np.ndarray, min_size_px: int) -> np.ndarray:
    """Set cells of fewer than `min_size_px` pixels to background; other ids stay.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), integer
    min_size_px : int
    """
    ids, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    kept = np.where(counts >= min_size_px, ids, 0).astype(labels.dtype)
    return kept[inverse].reshape(labels.shape)


def _nearest(old: int, new: int) -> np.ndarray:
    return ((np.arange(new) + 0.5) * old / new).astype(np.intp)
