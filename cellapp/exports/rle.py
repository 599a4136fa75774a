"""Run-length coding of masks: pairs of a first pixel and a number of pixels, along rows or down columns, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cellapp.errors import InputError

_MOST_DIGITS = 18  # of a number that 64 bits hold, with another one added


@dataclass(frozen=True)
class RunOrder:
    """How pixels are counted."""

    down_columns: bool = False
    """Down the first column, then the next; along rows where it is False."""
    first: int = 0
    """Number of the first pixel."""


ROWS = RunOrder()
"""Along rows from 0, as Cell Segger writes."""
ROWS_FROM_1 = RunOrder(first=1)
"""Along rows from 1, as in Kaggle's Sartorius set of cells."""
COLUMNS_FROM_1 = RunOrder(down_columns=True, first=1)
"""Down columns from 1, as in Kaggle's Data Science Bowl and most of its other sets."""


def encode_mask(mask: np.ndarray, order: RunOrder = ROWS) -> str:
    """Write a mask as ``start length start length ...``, in rising order, each run as long as it is.

    Parameters
    ----------
    mask : ndarray of shape (Y, X)
        What is not 0 counts, whatever its value.
    order : RunOrder

    Returns
    -------
    str
        Empty for an empty mask.
    """
    return encode_labels(np.asarray(mask) != 0, order).get(1, "")


def encode_labels(labels: np.ndarray, order: RunOrder = ROWS) -> dict[int, str]:
    """Write each cell of a label image as `encode_mask` would, all of them in one pass.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), integer or bool
        0 is background.
    order : RunOrder

    Returns
    -------
    dict of int to str
        By id, ids rising.
    """
    flat = _flat(labels, order)
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]])) if flat.size else np.zeros(0, np.intp)
    runs = np.stack([starts + order.first, np.diff(np.append(starts, flat.size))], axis=1)
    of_run = flat[starts].astype(np.int64)
    runs, of_run = runs[of_run != 0], of_run[of_run != 0]
    by_id = np.argsort(of_run, kind="stable")
    ids, at = np.unique(of_run[by_id], return_index=True)
    parts = np.split(runs[by_id], at[1:]) if ids.size else []
    return {int(one): " ".join(map(str, part.ravel().tolist())) for one, part in zip(ids, parts, strict=True)}


def decode_labels(texts: Mapping[int, str], shape: tuple[int, int], order: RunOrder = ROWS) -> np.ndarray:
    """Read the cells of an image, each from its text.

    Parameters
    ----------
    texts : mapping of int to str
        By id: pairs in any order, whose runs may touch and overlap; empty for an empty mask. Where two cells share
        pixels the first one keeps them.
    shape : (int, int)
        Rows and columns.
    order : RunOrder

    Returns
    -------
    ndarray of shape (Y, X), int32

    Raises
    ------
    InputError
        For an odd number of values, values that are no whole numbers, runs without pixels, and runs beyond the image.
    """
    flat = np.zeros(shape[0] * shape[1], np.int32)
    for one, text in texts.items():
        starts, lengths = _runs(text)
        _check_inside(starts, lengths, shape, order)
        for start, length in zip(starts - order.first, lengths, strict=True):
            run = flat[start : start + length]
            run[run == 0] = one
    return np.ascontiguousarray(_image(flat, shape, order))


def _flat(labels: np.ndarray, order: RunOrder) -> np.ndarray:
    if np.ndim(labels) != 2:
        raise InputError(f"run lengths are of one plane, (Y, X); got an array of shape {np.shape(labels)}")
    return np.ravel(labels, order="F" if order.down_columns else "C")


def _image(flat: np.ndarray, shape: tuple[int, int], order: RunOrder) -> np.ndarray:
    return flat.reshape(shape, order="F" if order.down_columns else "C")


def _runs(text: str) -> tuple[np.ndarray, np.ndarray]:
    """First pixels and lengths as they are written."""
    words = text.split()
    wrong = next((word for word in words if not (word.isascii() and word.isdigit() and len(word) < _MOST_DIGITS)), None)
    if wrong is not None:
        cut = f"{wrong[:20]}..." if len(wrong) > 20 else wrong
        raise InputError(
            f"run lengths are whole numbers with blanks between them; got {cut!r}: is this a text of runs?"
        )
    if len(words) % 2:
        raise InputError(
            f"run lengths are pairs of start and length; got {len(words):,} numbers: is the text complete?"
        )
    values = np.array(words, dtype=np.int64).reshape(-1, 2)
    return values[:, 0], values[:, 1]


def _check_inside(starts: np.ndarray, lengths: np.ndarray, shape: tuple[int, int], order: RunOrder) -> None:
    n_px = shape[0] * shape[1]
    wrong = np.flatnonzero((starts < order.first) | (lengths < 1) | (starts - order.first + lengths > n_px))
    if wrong.size:
        start, length = starts[wrong[0]], lengths[wrong[0]]
        raise InputError(
            f"runs of an image of {shape[0]} x {shape[1]} px have at least one pixel, from {order.first} to "
            f"{n_px - 1 + order.first}; got start {start}, length {length}: check the size and how pixels are counted"
        )
