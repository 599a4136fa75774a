"""Training cells that a head keeps: vectors, labels and small pictures, so that a call can be shown by its examples."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from cellapp.errors import InputError, why_unread
from cellapp.files import atomic_write

TENSORS, LIST = "training_cells.safetensors", "training_cells.json"
KEPT = 1000
"""Cells kept at most, evenly over the classes: they stand for all, and a head stays a file of some megabytes."""
SIDE_PX = 48
"""Side of the pictures kept."""


@dataclass(frozen=True, eq=False)
class TrainingCells:
    """Cells that a head was trained on, or those of them that it keeps."""

    features: np.ndarray  # (N, F) float32, see `Embeddings.features`
    labels: tuple[str, ...]  # N classes
    names: tuple[str, ...]  # N: file, or image and cell id
    groups: tuple[str, ...]  # N
    n_all: int  # cells it was trained on
    pictures: np.ndarray | None = None  # (N, SIDE_PX, SIDE_PX, 3) uint8


def rows_to_keep(labels: Sequence[str], n: int = KEPT) -> np.ndarray:
    """Choose at most `n` cells, as evenly over classes as their sizes allow, spread over the order they come in.

    Returns
    -------
    ndarray of int
        Rows in increasing order.
    """
    given = np.asarray(labels, dtype=object)
    of_class = sorted((np.flatnonzero(given == name) for name in dict.fromkeys(labels)), key=len)
    kept, left = [], n
    for number, rows in enumerate(of_class):
        share = min(len(rows), left // (len(of_class) - number))
        kept.append(rows[np.linspace(0, len(rows) - 1, share).round().astype(int)])
        left -= share
    return np.sort(np.concatenate(kept)) if kept else np.zeros(0, int)


def write_training_cells(cells: TrainingCells, folder: Path) -> None:
    """Keep training cells in the folder of a head."""
    arrays = {"features": np.ascontiguousarray(cells.features, np.float32)}
    if cells.pictures is not None:
        arrays["pictures"] = cells.pictures
    content = save(arrays)
    rows = zip(cells.names, cells.labels, cells.groups, strict=True)
    tree = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "n_all": cells.n_all,
        "cells": [{"file": name, "label": label, "group": group} for name, label, group in rows],
    }
    for path, data in ((folder / TENSORS, content), (folder / LIST, json.dumps(tree, ensure_ascii=False).encode())):
        with atomic_write(path) as part:
            part.write_bytes(data)


def read_training_cells(folder: Path) -> TrainingCells | None:
    """Return the training cells that a head keeps; None of heads that keep none.

    Raises
    ------
    InputError
        When a file is damaged.
    """
    if not (folder / LIST).is_file() or not (folder / TENSORS).is_file():
        return None
    try:
        tree, content = json.loads((folder / LIST).read_text(encoding="utf-8")), (folder / TENSORS).read_bytes()
        if hashlib.sha256(content).hexdigest() != tree["sha256"]:
            raise InputError(f"{folder / TENSORS} does not match the sha256 in {LIST}; copy the folder again")
        arrays = load(content)
        columns = [tuple(str(cell[name]) for cell in tree["cells"]) for name in ("label", "file", "group")]
        return TrainingCells(arrays["features"], *columns, int(tree["n_all"]), arrays.get("pictures"))
    except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
        raise InputError(
            f"the training cells in {folder} cannot be read ({why_unread(error)}); train the head again"
        ) from error
