"""Label images, (Y, X) integers with 0 as background: reading, resizing, renumbering, dropping small cells."""

from __future__ import annotations

from pathlib import Path

import fastremap
import numpy as np
from PIL import Image

from cellapp.errors import InputError
from cellapp.images.read import open_slide


def read_labels(path: Path, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Read a label image in any format `cellapp.images.read` knows.

    Parameters
    ----------
    path : Path
        Of a PNG with a palette the palette indices are the ids.
    shape : tuple of int, optional
        (Y, X) the labels must have.

    Returns
    -------
    ndarray of shape (Y, X), int32
        Ids as they are in the file.

    Raises
    ------
    InputError
        If it is no image, has several channels, floats, another size, or ids that do not fit.
    """
    labels = _read_plane(path)
    if shape is not None and labels.shape != tuple(shape):
        expected, size = (f"{rows} x {columns}" for rows, columns in (shape, labels.shape))
        raise InputError(f"labels must have the size of their image, {expected}; {path.name!r} is {size}")
    if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) <= np.iinfo(np.int32).max:
        raise InputError(f"label ids lie between 0 and 2147483647; {path.name!r} has others; number the cells anew")
    return labels.astype(np.int32)


def _read_plane(path: Path) -> np.ndarray:
    slide = open_slide(path, digest=path.name)  # nothing here is kept by its digest, which takes a pass over the file
    if slide.info.format == "png":
        with Image.open(path) as picture:
            if picture.mode == "P":
                return np.asarray(picture)
    if slide.info.shape[0] != 1:
        raise InputError(
            f"a label image has one channel; {path.name!r} has {slide.info.shape[0]}; export the labels alone"
        )
    if np.dtype(slide.info.dtype).kind not in "bui":
        raise InputError(
            f"a label image holds whole numbers; {path.name!r} holds {slide.info.dtype}; "
            "save it as 16- or 32-bit integers"
        )
    return slide.region()[0]


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
