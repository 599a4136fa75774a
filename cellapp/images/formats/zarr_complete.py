"""Chunks that an OME-Zarr image does not store: legal where all of their pixels are the fill value, else lost."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import zarr

from cellapp.errors import InputError
from cellapp.images.limits import check_blocks

_BLOSC_HEADER_BYTES, _LENGTH = 16, slice(12, 16)
_MOST_CHUNKS = 512
"""Headers of so many chunks of a level are read, evenly spread; more would be felt at each opening of a slide."""


def stored_levels(arrays: Sequence[zarr.Array], name: str) -> list[zarr.Array]:
    """Leave out pyramid levels of which nothing is stored.

    Parameters
    ----------
    arrays : sequence of zarr.Array
        One per level, full resolution first.
    name : str
        Name for messages.

    Returns
    -------
    list of zarr.Array
        All of them where none has a chunk: an image of one value.

    Raises
    ------
    InputError
        When the full level has no chunk but a smaller one has.
    """
    stored = [array for array in arrays if any(_chunk_files(array))]
    if stored and stored[0] is not arrays[0]:
        raise InputError(
            f"{name!r} has lost its full resolution: none of its {arrays[0].nchunks:,} chunks is there, but smaller "
            "levels are; copy it again"
        )
    return stored or list(arrays)


def chunk_notes(arrays: Sequence[zarr.Array], declared: int) -> tuple[str, ...]:
    """Say which chunks and levels are not stored.

    Parameters
    ----------
    arrays : sequence of zarr.Array
        Of `stored_levels`.
    declared : int
        How many levels the metadata list.

    Returns
    -------
    tuple of str
        Sentences for the user. A single chunk is enough: a program that leaves out empty ones and a copy that lost some
        look the same.
    """
    notes = []
    n_all = math.prod(map(math.ceil, np.divide(arrays[0].shape, arrays[0].shards or arrays[0].chunks)))
    n_missing = n_all - sum(1 for _ in _chunk_files(arrays[0]))
    if n_missing > 0:
        told = f"{n_missing:,} of {n_all:,} chunks are not stored and are read as {arrays[0].fill_value}"
        notes.append(f"{told}: background that was left out, or lost in copying.")
    if len(arrays) < declared:
        notes.append(f"{declared - len(arrays)} of {declared} pyramid levels have no chunks and are left out.")
    return tuple(notes)


def check_chunks(arrays: Sequence[zarr.Array], name: str) -> None:
    """Check that chunks are as long as they say.

    Parameters
    ----------
    arrays : sequence of zarr.Array
    name : str
        Name for messages.

    Raises
    ------
    InputError
        When one does not fit into memory, is longer than its pixels, is empty or, compressed by Blosc, is shorter than
        its header says: Blosc reads on behind its end. Other compressors notice it themselves when the chunk is read.
    """
    for array in arrays:
        check_blocks(
            name,
            n_blocks=math.prod(map(math.ceil, np.divide(array.shape, array.chunks))),
            pixels=math.prod(array.chunks[-2:]),
            n_bytes=math.prod(array.chunks) * array.dtype.itemsize,
        )
        most_bytes = _most_bytes(array)
        is_blosc = array.shards is None and any("Blosc" in type(codec).__name__ for codec in array.compressors)
        files = list(_chunk_files(array))
        for file in files[:: math.ceil(len(files) / _MOST_CHUNKS) or 1]:
            n_bytes = file.stat().st_size
            if n_bytes < (_blosc_bytes(file) if is_blosc else 1):
                raise InputError(f"{name!r} is damaged: its chunk {file.name!r} is cut off; copy it again")
            if n_bytes > most_bytes:
                raise InputError(
                    f"{name!r} is damaged: its chunk {file.name!r} has {n_bytes:,} bytes, more than its pixels take "
                    "without compression; copy or export it again"
                )


def _most_bytes(array: zarr.Array) -> float:
    """Return how long a chunk, or a shard of chunks with its index, can be; compressors add little to noise."""
    n_bytes = math.prod(array.shards or array.chunks) * array.dtype.itemsize
    n_chunks = math.prod(map(math.ceil, np.divide(array.shards, array.chunks))) if array.shards else 1
    return 1.1 * n_bytes + 4096 + 16 * n_chunks if array.dtype.kind in "buif" else math.inf


def _chunk_files(array: zarr.Array) -> Iterator[Path]:
    """Files of chunks, or of shards of them, by their names; asking zarr takes a hundred times longer."""
    folder = Path(array.store.root) / array.path
    return (file for file in folder.rglob("*") if re.fullmatch("[0-9.]+", file.name) and file.is_file())


def _blosc_bytes(file: Path) -> int:
    with file.open("rb") as content:
        header = content.read(_BLOSC_HEADER_BYTES)
    return max(int.from_bytes(header[_LENGTH], "little"), _BLOSC_HEADER_BYTES)
