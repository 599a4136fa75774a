"""Slides as bags of cells: a label of the slide, none of its cells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cellapp.cells.shape import BOX_COLUMNS
from cellapp.errors import InputError
from cellapp.exports.run_vectors import folder_vectors
from cellapp.exports.tables import read_cells
from cellapp.pipeline.series_names import hours_of
from cellapp.pipeline.time_series import Frame, ImageSequence, in_sequences
from cellapp.text_table import read_table
from cellapp.training.lines.bags import Bag
from cellapp.types.cells import Embeddings

_KEYS = ("image", "file")
_COLUMNS = ("line", "batch", "sequence", "time")


def slide_bags(folder: Path, table: Path | None, *, labelled: bool) -> tuple[list[Bag], str]:
    """Read the cells of the images in a folder that `analyse` wrote, one bag per slide.

    Parameters
    ----------
    folder : Path
        The ``--out`` folder of `analyse`, with vectors.
    table : Path or None
        CSV: ``image`` (the name of its folder or file), ``line``, which is the label of the slide, ``batch``, and where
        one slide has several images ``sequence`` and ``time``. Images that it does not name are left out.
    labelled : bool
        Whether labels and batches are needed, as for training; else every image is a bag.

    Returns
    -------
    bags : list of Bag
    encoder : str
        Name and revision of the encoder that the vectors are of.

    Raises
    ------
    InputError
        When the table names none of the images, an image has no vectors, or they were made in different ways.
    """
    said = _rows_by_image(table)
    known = {name: row for name in _images(folder) if (row := _row_of(said, name, labelled)) is not None}
    if not known:
        raise InputError(f"{str(table)!r} names no image in {str(folder)!r}; they are {', '.join(_images(folder)[:3])}")
    found = {name: folder_vectors(folder / name) for name in known}
    missing = next((name for name, one in found.items() if one is None), None)
    if missing:
        raise InputError(f"{missing!r} has no vectors: analyse it again with a head, or embed its crops")
    encoders = sorted({vectors.encoder for vectors, _ in found.values()})
    if len(encoders) > 1:
        raise InputError(f"these images were encoded by {' and '.join(encoders)}; analyse them in one run")
    frames = [_frame(name, row, labelled) for name, row in known.items()]
    vectors = {name: embeddings for name, (embeddings, _) in found.items()}
    bags = [bag for one in in_sequences(frames) if len((bag := _bag(one, vectors, folder)).cell_ids)]
    if not bags:
        raise InputError(f"no image in {str(folder)!r} has a cell; find cells first")
    return bags, encoders[0]


def _bag(sequence: ImageSequence, vectors: Mapping[str, Embeddings], folder: Path) -> Bag:
    """Return the cells of all images of a slide."""
    parts = [vectors[name] for name in sequence.opened_by]
    numbers = np.repeat(np.arange(len(parts)), [len(part.cell_ids) for part in parts])
    corners = [_corners(folder / name, part.cell_ids) for name, part in zip(sequence.opened_by, parts, strict=True)]
    features, ids = (np.concatenate([getattr(part, name) for part in parts]) for name in ("features", "cell_ids"))
    return Bag(sequence, features, numbers, np.concatenate(corners), None, ids)


def is_analysed(folder: Path) -> bool:
    """Whether a folder is one that `analyse` wrote."""
    return folder.is_dir() and any(folder.glob("*/cells.parquet"))


def _images(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob("*/cells.parquet"))


def _rows_by_image(table: Path | None) -> dict[str, dict[str, str]]:
    """Return the rows of a table by the name of their image, with and without ending."""
    if table is None:
        return {}
    rows = read_table(table, [], (*_KEYS, *_COLUMNS))
    key = next((name for name in _KEYS if name in rows), None)
    if key is None:
        raise InputError(f"{str(table)!r} needs a column image that names the slides; it has none")
    return {name: row for row in rows.to_dict("records") for name in (Path(row[key]).stem, row[key])}


def _row_of(said: dict[str, dict[str, str]], name: str, labelled: bool) -> dict[str, str] | None:
    row = said.get(name) or next((one for key, one in said.items() if key.split(".")[0] == name), None)
    return row if row is not None or labelled else {}


def _frame(name: str, row: dict[str, str], labelled: bool) -> Frame:
    line, batch = row.get("line", ""), row.get("batch", "")
    if labelled and not (line and batch):
        raise InputError(f"the table says no line or no batch of {name!r}; training needs both")
    time_h = hours_of(row["time"]) if row.get("time") else 0.0
    return Frame(line, batch, row.get("sequence") or name, time_h, name, name)


def _corners(folder: Path, cell_ids: np.ndarray) -> np.ndarray:
    """Return y and x of the bounding boxes of cells, (N, 2)."""
    return read_cells(folder / "cells.parquet").loc[cell_ids, BOX_COLUMNS[:2]].to_numpy(int)
