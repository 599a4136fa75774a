"""Labelled cells of runs that `analyse` wrote: vectors from the folders, classes and groups from a table of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cellapp.errors import InputError
from cellapp.exports.run_json import read_run
from cellapp.exports.run_vectors import folder_vectors
from cellapp.files import safe_stem
from cellapp.text_table import read_table
from cellapp.training.labelled_cells import (
    BY_IMAGE,
    ImageVectors,
    LabelledCells,
    image_names,
    label_cells,
    labels_by_column,
)

_GROUP = "group"  # column that is taken where none is named, as in index.csv of pictures


@dataclass(frozen=True, eq=False)
class AnalysedImage:
    """One image of a run on disk."""

    vectors: ImageVectors
    known_as: tuple[str, ...]  # names that a table may call it by: its folder, its file


def cells_of_runs(
    folders: Sequence[Path],
    table: Path,
    column: str,
    *,
    group_column: str | None = None,
    classes: Mapping[str, str] | None = None,
) -> LabelledCells:
    """Label the cells of analysed images by a column of a table of images.

    Parameters
    ----------
    folders : sequence of Path
        Each as `analyse --out` wrote it, with vectors.
    table : Path
        As spreadsheets save it: ``file`` (name of the image's file or of its folder), `column`, the column of groups.
    column : str
    group_column : str, optional
        None takes ``group`` where there is such a column; else every image is its own group.
    classes : mapping of value of `column` to class, optional
        Values that are not in it are left out; without it the values are the classes.

    Returns
    -------
    LabelledCells
        The same as a project gives whose image table says the same.

    Raises
    ------
    InputError
        When a folder is no run with vectors, a column is missing, or what is left cannot be trained on.
    """
    images = read_analysed(folders)
    rows = read_table(table, ["file", column, *([group_column] if group_column else [])], [_GROUP])
    grouped_by = group_column or (_GROUP if _GROUP in rows else BY_IMAGE)
    line_of = {image.vectors.name: _line(rows, image) for image in images}
    found = {name: rows.loc[line] for name, line in line_of.items() if line is not None}
    vectors = [image.vectors for image in images]
    labels, left_out = labels_by_column(vectors, {name: row[column] for name, row in found.items()}, column, classes)
    groups = {name: name if grouped_by == BY_IMAGE else row[grouped_by] for name, row in found.items()}
    unused = set(rows.index) - set(line_of.values())
    notes = [f"{table}, line {line}: no image {rows.loc[line, 'file']!r} in these runs" for line in sorted(unused)]
    return label_cells(vectors, labels, groups, grouped_by, [*left_out, *notes])


def read_analysed(folders: Sequence[Path]) -> list[AnalysedImage]:
    """Read the vectors of every image of runs on disk.

    Raises
    ------
    InputError
        When a folder holds no analysed image, or one has no vectors.
    """
    found = [_image_folders(folder) for folder in folders]
    names = image_names([[folder.name for folder in of_run] for of_run in found])
    return [
        _read(folder, name)
        for of_run, names_of_run in zip(found, names, strict=True)
        for folder, name in zip(of_run, names_of_run, strict=True)
    ]


def _image_folders(folder: Path) -> list[Path]:
    images = sorted(path.parent for path in folder.glob("*/run.json")) if folder.is_dir() else []
    if not images:
        raise InputError(f"no analysed image in {str(folder)!r}: give a folder that `cellapp analyse --out` wrote")
    return images


def _read(folder: Path, name: str) -> AnalysedImage:
    vectors = folder_vectors(folder)
    if vectors is None:
        raise InputError(
            f"{str(folder)!r} holds no vectors of cells: analyse with a head, whichever, and train on that"
        )
    image = read_run(folder / "run.json")["image"]
    return AnalysedImage(ImageVectors(name, *vectors), (folder.name, str(image.get("name", ""))))


def _line(rows: pd.DataFrame, image: AnalysedImage) -> int | None:
    """Return the line of the table about an image: by its folder, its file, or the folder that a file would get."""
    stem = image.known_as[0]
    for names, wanted in (
        (rows["file"], image.known_as),
        (rows["file"].map(lambda name: name.replace("\\", "/").rpartition("/")[2]), image.known_as),
        (rows["file"].map(safe_stem), (stem,)),
    ):
        lines = rows.index[names.isin(wanted)]
        if len(lines) > 1:
            raise InputError(f"the table names {rows.loc[lines[0], 'file']!r} in {len(lines)} lines; keep one of them")
        if len(lines):
            return int(lines[0])
    return None
