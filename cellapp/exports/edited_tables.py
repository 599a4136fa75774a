"""Tables of an analysed image of which some cells were edited by hand: their rows are new, all others stay."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import pandas as pd

from cellapp.cells.counts import classes_of
from cellapp.classification.cell_columns import class_columns
from cellapp.exports.class_versions import ClassVersion, read_versions, version_table, write_version_table
from cellapp.exports.geojson import write_geojson
from cellapp.exports.kept_outlines import read_outlines
from cellapp.exports.tables import write_cells, write_csv
from cellapp.types.cells import Analysis

_UNKNOWN = {"label": "", "set": "", "manual_label": "", "unsure": False, "unlike_training": False}

ClassesOf = Callable[[ClassVersion], pd.DataFrame]
"""Returns the columns of classes that a version gives to some edited cells, indexed by ``cell_id``."""


def replace_rows(table: pd.DataFrame, rows: pd.DataFrame, cell_ids: Collection[int]) -> pd.DataFrame:
    """Return a table of cells with other rows for some of them.

    Parameters
    ----------
    table : DataFrame
        Indexed by cell_id.
    rows : DataFrame
        The new rows, indexed alike; columns that they lack are empty there, those that `table` lacks are left out.
    cell_ids : collection of int
        Ids that lose their old rows.

    Returns
    -------
    DataFrame
        In the order of ids, with the columns and types of `table`.
    """
    kept = table.drop(index=table.index.intersection([*cell_ids, *rows.index]))
    new = rows.reindex(columns=table.columns)
    for name in set(_UNKNOWN) & set(table.columns):
        column = new[name].astype(object)
        new[name] = column.where(column.notna(), _UNKNOWN[name])
    parts = [part for part in (kept, new.astype(table.dtypes)) if len(part)]
    joined = pd.concat(parts) if parts else kept
    return joined.sort_index().rename_axis("cell_id")


def replace_in_versions(out: Path, stem: str, cell_ids: Collection[int], classes_of_version: ClassesOf) -> None:
    """Replace the rows of edited cells in every version of the classes of a run.

    Parameters
    ----------
    out : Path
        The run's folder.
    stem : str
        Of the image.
    cell_ids : collection of int
        Ids that lose their old rows.
    classes_of_version : callable
        The new rows in each version.
    """
    for version in read_versions(out).versions:
        table = version_table(out, version.id, stem)
        if table is not None:
            write_version_table(out, version.id, stem, replace_rows(table, classes_of_version(version), cell_ids))


def no_classes(cell_ids: Collection[int]) -> ClassesOf:
    """Return the classes of cells that no version knows yet: none."""
    rows = pd.DataFrame(index=pd.Index(list(cell_ids), dtype="int32", name="cell_id"))
    return lambda _version: rows


def with_class_columns(rows: pd.DataFrame, called: pd.DataFrame) -> pd.DataFrame:
    """Return rows of cells with other classes: those of `called`, joined by ``cell_id``."""
    return rows.drop(columns=class_columns(rows)).join(called)


def write_edited_tables(analysis: Analysis, folder: Path, cell_ids: Collection[int]) -> None:
    """Write tables and outlines of an image again; outlines of other cells than those edited are not drawn again.

    Parameters
    ----------
    analysis : Analysis
        With the table as it is now; its label image is read where cells were edited only.
    folder : Path
        ``out/<stem>``.
    cell_ids : collection of int
        Ids of the edited cells.
    """
    cells, path = analysis.cells, folder / "outlines.geojson"
    write_cells(cells, folder / "cells.parquet")
    write_csv(cells, folder / "cells.csv")
    kept = {cell: outline for cell, outline in read_outlines(path).items() if cell not in set(cell_ids)}
    write_geojson(analysis.mask, cells, path, classes=classes_of(cells), kept=kept)
