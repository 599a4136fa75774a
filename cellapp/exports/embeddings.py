"""embeddings.npz: the encoder's vectors of each cell."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cellapp.errors import InputError
from cellapp.files import atomic_write
from cellapp.types.cells import Embeddings

_TRIED_BYTES = 2**16  # of an array, to see whether compression pays
_WORTH = 0.9  # share left up to which it does


def write_embeddings(embeddings: Embeddings, path: Path, *, files: Sequence[str] | None = None) -> Path:
    """Write vectors as plain arrays, readable with ``allow_pickle=False``.

    Parameters
    ----------
    embeddings : Embeddings
    path : Path
    files : sequence of str, optional
        Name of the picture behind each row.

    Returns
    -------
    Path
        Holding ``cls``, ``mean_patch``, ``features`` (N, 2 D), ``cell_ids``, ``encoder``, where pooled from windows
        ``spread_patch``, and, when given, ``file``.
    """
    arrays = {
        "cls": embeddings.cls,
        "mean_patch": embeddings.mean_patch,
        "features": embeddings.features,
        "cell_ids": embeddings.cell_ids,
        "encoder": np.array(embeddings.encoder),
    }
    if embeddings.spread_patch is not None:
        arrays["spread_patch"] = embeddings.spread_patch
    if files is not None:
        arrays["file"] = np.array(files, dtype=str)
    return write_arrays(arrays, path)


NO_ARRAYS = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)
"""What reading a file of arrays raises that is damaged, or something else."""


def read_embeddings(path: Path, *, views: int = 1) -> Embeddings:
    """Read what `write_embeddings` wrote, whichever version did.

    Parameters
    ----------
    path : Path
    views : int
        Views that the vectors are the mean of, which the file does not say.

    Raises
    ------
    InputError
        If it is no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            cls, mean_patch = arrays["cls"], arrays["mean_patch"]
            spread = arrays["spread_patch"] if "spread_patch" in arrays.files else None
            width = cls.shape[1] + mean_patch.shape[1] + (0 if spread is None else spread.shape[1])
            wide = _shape_of(arrays, "features")[1] > width
            measured = arrays["features"][:, width:] if wide else None  # features alone have the measurements
            cell_ids, encoder = arrays["cell_ids"].astype(np.int32), str(arrays["encoder"])
    except NO_ARRAYS as error:
        raise InputError(
            f"{str(path)!r} holds no vectors of cells, or damaged ones; analyse the image again"
        ) from error
    return Embeddings(cls, mean_patch, cell_ids, encoder, measured=measured, views=views, spread_patch=spread)


def _shape_of(arrays: np.lib.npyio.NpzFile, name: str) -> tuple[int, ...]:
    """Read the shape of an array and none of its numbers."""
    with arrays.zip.open(f"{name}.npy") as file:
        np.lib.format.read_magic(file)
        return np.lib.format.read_array_header_1_0(file)[0]


def write_arrays(arrays: Mapping[str, np.ndarray], path: Path, *, level: int = 6) -> Path:
    """Write named arrays as npz; unlike `numpy.savez` any name will do and bytes repeat.

    Parameters
    ----------
    arrays : mapping of str to ndarray
    path : Path
    level : int
        Of zlib's compression, 1 to 9; arrays whose beginning hardly gets smaller are stored as they are.

    Returns
    -------
    Path
        `path`.
    """
    with atomic_write(path) as part, zipfile.ZipFile(part, "w", compresslevel=level) as archive:
        for name, array in ((name, np.asanyarray(array)) for name, array in arrays.items()):
            entry = zipfile.ZipInfo(f"{name}.npy")
            entry.compress_type = zipfile.ZIP_DEFLATED if _shrinks(array) else zipfile.ZIP_STORED
            with archive.open(entry, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
    return path


def _shrinks(array: np.ndarray) -> bool:
    """Whether compression is worth its time; vectors of an encoder shrink by a fourteenth."""
    start = np.ascontiguousarray(array.ravel()[: _TRIED_BYTES // max(array.itemsize, 1)]).tobytes()
    return len(zlib.compress(start, 1)) < _WORTH * len(start)
