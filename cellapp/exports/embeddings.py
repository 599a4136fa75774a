"""embeddings.npz: the encoder's vectors of each cell."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cellapp.files import atomic_write
from cellapp.types.cells import Embeddings


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


def write_arrays(arrays: Mapping[str, np.ndarray], path: Path) -> Path:
    """Write named arrays as a compressed npz; unlike `numpy.savez` any name will do and bytes repeat."""
    with atomic_write(path) as part, zipfile.ZipFile(part, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)
    return path
