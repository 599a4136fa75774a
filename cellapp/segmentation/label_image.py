"""Label images, (Y, X) integers with 0 as background: reading, resizing, renumbering, dropping small cells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import fastremap
import numpy as np

from cellapp.errors import InputError
from cellapp.images.formats.samples import as_stored
from cellapp.images.read import open_slide
from cellapp.types.image import LazyArray


@dataclass(frozen=True, eq=False)
class LazyLabels:
    """A label image on disk that decodes only what is indexed; used like a (Y, X) array."""

    stored: LazyArray  # (1, Y, X)
    ndim = 2

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X)."""
        return self.stored.shape[1:]

    @property
    def dtype(self) -> np.dtype:
        """Stored type, an integer."""
        return self.stored.dtype

    def __getitem__(self, key: tuple[slice, slice]) -> np.ndarray:
        """Decode a block, (Y, X)."""
        return self.stored[slice(None), *key][0]


def open_label_image(path: Path) -> LazyLabels:
    """Open a label image of this program without decoding it."""
    return LazyLabels(open_slide(path, digest=path.name).levels[0])  # nothing here is kept by its digest


def read_labels(path: Path, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Read a label image in any format `cellapp.images.read` knows.

    Parameters
    ----------
    path : Path
        Where its numbers have a table of colours, they are the ids and not the colours.
    shape : tuple of int, optional
        (Y, X) the labels must have.

    Returns
    -------
    ndarray of shape (Y, X), int32
        See `as_labels`.

    Raises
    ------
    InputError
        If it is no image, damaged, has several channels, another size, or values that are no ids.
    """
    labels = as_labels(_read_plane(path), repr(path.name))
    if shape is not None and labels.shape != tuple(shape):
        expected, size = (f"{rows} x {columns}" for rows, columns in (shape, labels.shape))
        raise InputError(f"labels must have the size of their image, {expected}; {path.name!r} is {size}")
    return labels


def as_labels(values: np.ndarray, name: str) -> np.ndarray:
    """Take an array for a label image, whichever way its program wrote the ids.

    Parameters
    ----------
    values : ndarray of shape (Y, X), integer, bool or float
        Axes of length 1 before them are left out. Floats are read where all are whole, and -1 is background, too.
    name : str
        What messages call it.

    Returns
    -------
    ndarray of shape (Y, X), int32
        Ids as they are, 0 as background.

    Raises
    ------
    InputError
        For several planes, fractions, missing values, and ids below -1 or above 2147483647.
    """
    if values.ndim < 2 or any(length != 1 for length in values.shape[:-2]) or values.dtype.kind not in "buif":
        raise InputError(
            f"{name} must be a label image, whole numbers in one plane; got {values.dtype} of shape {values.shape}: "
            "export the labels alone"
        )
    plane = values.reshape(values.shape[-2:])
    if plane.dtype.kind == "f":
        _check_whole(plane, name)
    low, high = (float(plane.min()), float(plane.max())) if plane.size else (0, 0)
    if low < -1:
        raise InputError(
            f"label ids count from 1, and 0 or -1 is background; {name} has {low:.0f}: set what is no cell to 0"
        )
    if high > np.iinfo(np.int32).max:
        raise InputError(f"label ids lie between 0 and 2147483647; {name} has {high:.0f}: number the cells anew")
    return (np.maximum(plane, 0) if low < 0 else plane).astype(np.int32, copy=False)


def _check_whole(plane: np.ndarray, name: str) -> None:
    wrong = plane[~(np.isfinite(plane) & (plane == np.trunc(plane)))]
    if wrong.size:
        raise InputError(
            f"a label image holds whole numbers, one for each cell; {name} holds {wrong[0]:g}: "
            "if it shows intensities or probabilities, take the label image instead; else save it as 32-bit integers"
        )


def _read_plane(path: Path) -> np.ndarray:
    slide = open_slide(path, digest=path.name)  # nothing here is kept by its digest, which takes a pass over the file
    ids = as_stored(slide.levels[0])
    if ids.shape[0] != 1:
        raise InputError(f"a label image has one channel; {path.name!r} has {ids.shape[0]}; export the labels alone")
    return np.asarray(ids[:, :, :])[0]


def resize_labels(labels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Resize by nearest neighbour, which creates no new ids.

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
    ids = fastremap.unique(labels)
    numbers = np.cumsum(ids != 0) * (ids != 0)
    return fastremap.remap(labels, dict(zip(ids.tolist(), numbers.tolist(), strict=True))).astype(np.int32, copy=False)


def drop_small(labels: np.ndarray, min_size_px: int) -> np.ndarray:
    """Set cells of fewer than `min_size_px` pixels to background; other ids stay.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), integer
    min_size_px : int
    """
    ids, n_px = fastremap.unique(labels, return_counts=True)
    return fastremap.mask(labels, ids[n_px < min_size_px].tolist())


def _nearest(old: int, new: int) -> np.ndarray:
    return ((np.arange(new) + 0.5) * old / new).astype(np.intp)
