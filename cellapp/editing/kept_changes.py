"""The pixels that each edit changed, kept beside the results of its image, so that it can be taken back exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from cellapp.editing.canvas import Change
from cellapp.editing.edit import EditKind
from cellapp.editing.history import EditRecord
from cellapp.errors import InputError
from cellapp.exports.embeddings import NO_ARRAYS, write_arrays

_NAMES = tuple(field.name for field in fields(Change))


def keep_change(folder: Path, number: int, change: Change) -> None:
    """Write the pixels of an edit of the image in ``out/<stem>``; they take some bytes each."""
    write_arrays({name: getattr(change, name) for name in _NAMES}, _path(folder, number))


def kept_change(folder: Path, number: int) -> Change:
    """Read what `keep_change` wrote.

    Raises
    ------
    InputError
        When it is not there any more.
    """
    try:
        with np.load(_path(folder, number), allow_pickle=False) as arrays:
            return Change(*(arrays[name] for name in _NAMES))
    except NO_ARRAYS as error:
        raise InputError(f"the pixels of edit {number} are not here any more: it cannot be undone or redone") from error


def change_of(folder: Path, record: EditRecord) -> Change:
    """Return the pixels that a record changed: of an undo those of the edit it took back, in reverse."""
    kind, number = record.edit.kind, record.edit.number or 0
    if kind is EditKind.UNDO:
        return kept_change(folder, number).reverse
    return kept_change(folder, number if kind is EditKind.REDO else record.number)


def changes_of(folder: Path, records: Sequence[EditRecord]) -> list[Change]:
    """Return the pixels of several records, in their order."""
    return [change_of(folder, record) for record in records]


def _path(folder: Path, number: int) -> Path:
    return folder.parent / ".edits" / folder.name / f"{number:06d}.npz"
