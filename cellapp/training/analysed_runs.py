"""Labelled cells of runs that `analyse` wrote: vectors from the folders, classes and groups from a table of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cellapp.errors import InputError
from cellapp.exports.run_json import read_run, require_analysed
from cellapp.exports.run_vectors import folder_vectors
from cellapp.files import safe_stem
from cellapp.labelling.folder_labels import placed_labels
from cellapp.labelling.label_table import read_label_table
from cellapp.text_table import read_table
from cellapp.training.label_sources import GivenLabels, add_given_labels, labels_by_column
from cellapp.training.labelled_cells import (
    BY_IMAGE,
    ImageVectors,
    LabelledCells,
    image_names,
    label_cells,
)

_GROUP = "group"  # column that is taken where none is named, as in index.csv of pictures


@dataclass(frozen=True, eq=False)
class AnalysedImage:
    """One image of a run on disk."""

    vectors: ImageVectors
    known_as: tuple[str, ...]  # names that a table may call it by: its folder, its file
    folder: Path
    digest: str  # sha256 of the image


def cells_of_runs(
    folders: Sequence[Path],
    table: Path | None,
    column: str | None,
    *,
    group_column: str | None = None,
    classes: Mapping[str, str] | None = None,
    cell_labels: Path | None = None,
) -> LabelledCells:
    """Label the cells of analysed images by a column of a table of images, by a table of labels of cells, or by both.

    Parameters
    ----------
    folders : sequence of Path
        Each as `analyse --out` wrote it, with vectors.
    table : Path, optional
        As spreadsheets save it: ``file`` (name of the image's file or of its folder), `column`, the column of groups.
    column : str, optional
        None where only `cell_labels` count.
    group_column : str, optional
        None takes ``group`` where there is such a column; else every image is its own group.
    classes : mapping of value of `column` to class, optional
        Values that are not in it are left out; without it the values are the classes.

    cell_labels : Path, optional
        As ``label export`` writes it, see `cellapp.labelling.label_table`; where both speak of a cell, it wins.

    Returns
    -------
    LabelledCells
        The same as a project gives whose image table and labels say the same.

    Raises
    ------
    InputError
        When a folder is no run with vectors, a column is missing, or what is left cannot be trained on.
    """
    images = read_analysed(folders)
    rows = _rows(table, [*filter(None, [column, group_column])])
    grouped_by = group_column or (_GROUP if _GROUP in rows else BY_IMAGE)
    line_of = {image.vectors.name: _line(rows, image) for image in images}
    found = {name: rows.loc[line] for name, line in line_of.items() if line is not None}
    vectors = [image.vectors for image in images]
    labels, left_out = {}, []
    if column is not None:
        values = {name: row[column] for name, row in found.items()}
        labels, left_out = labels_by_column(vectors, values, column, classes)
    if cell_labels is not None:
        given, unused = _given_labels(cell_labels, images)
        labels, left_out = add_given_labels(vectors, labels, left_out, given)
        left_out += unused
    groups = {name: row[grouped_by] for name, row in found.items()} if grouped_by != BY_IMAGE else {}
    groups = groups or {image.name: image.name for image in vectors if table is None or image.name in found}
    unused_lines = sorted(set(rows.index) - set(line_of.values()))
    notes = [f"{table}, line {line}: no image {rows.loc[line, 'file']!r} in these runs" for line in unused_lines]
    return label_cells(vectors, labels, groups, grouped_by, [*left_out, *notes])


def _rows(table: Path | None, columns: Sequence[str]) -> pd.DataFrame:
    if table is None:
        return pd.DataFrame({"file": pd.Series(dtype=str)})
    return read_table(table, ["file", *columns], [_GROUP])


def _given_labels(table: Path, images: Sequence[AnalysedImage]) -> tuple[GivenLabels, list[str]]:
    """Return what a table of labels says about cells, by name of the image, and a sentence for what found no cell."""
    lines, refused = read_label_table(table)
    name_of = {image.folder: image.vectors.name for image in images}
    words, unplaced = placed_labels(lines, list(name_of))
    classes: dict[str, dict[int, str]] = {}
    disputed: dict[str, set[int]] = {}
    for (folder, cell_id), said in words.items():
        last = {line.who: line.class_name for line in said}
        if len(set(last.values())) > 1:
            disputed.setdefault(name_of[folder], set()).add(cell_id)
        else:
            classes.setdefault(name_of[folder], {})[cell_id] = said[-1].class_name
    return GivenLabels(classes, disputed), [f"{table}, {why}" for why in (*refused, *unplaced)]


def read_analysed(folders: Sequence[Path]) -> list[AnalysedImage]:
    """Read the vectors of every image of runs on disk; an image of two runs is taken from the first.

    Raises
    ------
    InputError
        When a folder holds no analysed image, or one has no vectors.
    """
    found = [require_analysed(folder) for folder in folders]
    names = image_names([[folder.name for folder in of_run] for of_run in found])
    images: dict[str, AnalysedImage] = {}
    for of_run, names_of_run in zip(found, names, strict=True):
        for folder, name in zip(of_run, names_of_run, strict=True):
            image = _read(folder, name)
            images.setdefault(image.digest, image)
    return list(images.values())


def _read(folder: Path, name: str) -> AnalysedImage:
    vectors = folder_vectors(folder)
    if vectors is None:
        raise InputError(
            f"{str(folder)!r} holds no vectors of cells: analyse with a head, whichever, and train on that"
        )
    image = read_run(folder / "run.json")["image"]
    names = (folder.name, str(image.get("name", "")))
    return AnalysedImage(ImageVectors(name, *vectors), names, folder, str(image.get("sha256", folder)))


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
