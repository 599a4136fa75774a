"""Cells of a run: the columns that tables and charts show, and the classes in force that were given by hand.

All other measurements are in the Parquet files of the run; who gave which class when is in `cellapp.store.labels`.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

import pandas as pd
from sqlalchemy import delete, insert, select, tuple_
from sqlalchemy.orm import Session

from cellapp.cells.counts import classes_of
from cellapp.classification.cell_columns import positive_class
from cellapp.errors import StoreError
from cellapp.store.database import reading, writing
from cellapp.store.label_rows import show_words
from cellapp.store.schema import Cell, RunImageRow

COLUMNS = {
    "centroid_y_px": float,
    "centroid_x_px": float,
    "area_px": float,
    "qc_pass": bool,
    "qc_reason": str,
    "label": str,
    "p_positive": float,
    "margin": float,
    "unsure": bool,
    "unlike_training": bool,
    "manual_label": str,
}
"""Columns stored of a cell table and their types; a missing text is "", a missing truth False, a missing number NaN."""

_EMPTY = {float: float("nan"), bool: False, str: ""}
_BATCH = 4_000  # rows per transaction: nobody else can write to SQLite meanwhile
_PAUSE_S = 0.05  # between two of them: those who wait for SQLite look ten times a second, and would be unlucky for long


def save_cells(run_id: str, image_id: str, cells: pd.DataFrame) -> None:
    """Replace the stored cells of an image in a run, some thousands at a time, so that others can write in between.

    Classes given by hand stay where `cells` has no other: a run that is repeated after a crash loses none. Until the
    end some cells are the new ones and some the old; who is killed in between calls it again.

    Parameters
    ----------
    run_id, image_id : str
    cells : DataFrame
        A cell table indexed by ``cell_id``; no rows are a result. `p_positive` is taken from ``p_<positive class>``.

    Raises
    ------
    StoreError
        The run has no such image.
    """
    light = _light(cells).sort_index()
    ids = light.index.union(_stored_ids(run_id, image_id))
    for start in range(0, len(ids), _BATCH):
        if start:
            time.sleep(_PAUSE_S)
        first, last = int(ids[start]), int(ids[min(start + _BATCH, len(ids)) - 1])
        _replace(run_id, image_id, first, last, light.loc[first:last])


def replace_cells(run_id: str, image_id: str, cells: pd.DataFrame, cell_ids: Collection[int]) -> None:
    """Replace some cells of an image of a run, and leave all others as they are.

    Classes given by hand are those that people said of these ids on this run, as the labels have them.

    Parameters
    ----------
    run_id, image_id : str
    cells : DataFrame
        See `save_cells`; the rows that these cells have from now on.
    cell_ids : collection of int
        Ids that lose their rows; those that `cells` lacks are gone.

    Raises
    ------
    StoreError
        The run has no such image.
    """
    rows = _rows(run_id, image_id, _light(cells).sort_index())
    ids = sorted({*map(int, cell_ids), *(row["cell_id"] for row in rows)})
    with writing() as session:
        _check_part(session, run_id, image_id)
        for start in range(0, len(ids), _BATCH):
            some = Cell.cell_id.in_(ids[start : start + _BATCH])
            session.execute(delete(Cell).where(Cell.run_id == run_id, Cell.image_id == image_id, some))
        if rows:
            session.execute(insert(Cell.__table__), rows)
            show_words(session, run_id, image_id, [row["cell_id"] for row in rows])


def delete_cells(run_id: str) -> None:
    """Delete the cells of a run as `save_cells` writes them, before the run itself is deleted."""
    n_deleted = _BATCH
    while n_deleted == _BATCH:
        some = select(Cell.image_id, Cell.cell_id).where(Cell.run_id == run_id).limit(_BATCH).subquery()
        these = tuple_(Cell.image_id, Cell.cell_id).in_(select(some))
        with writing() as session:
            n_deleted = session.execute(delete(Cell).where(Cell.run_id == run_id, these)).rowcount
        if n_deleted == _BATCH:
            time.sleep(_PAUSE_S)


def load_cells(run_id: str, image_id: str | None = None) -> pd.DataFrame:
    """Return the cells of one image of a run, or of all of them.

    Returns
    -------
    DataFrame
        Indexed by ``cell_id``, columns ``image_id`` and `COLUMNS`, ordered by the run's images, then by cell. With
        several images an id occurs once per image. No cells give no rows.
    """
    query = (
        select(RunImageRow.image_id, Cell.cell_id, *(getattr(Cell, name) for name in COLUMNS))
        .join(Cell, (Cell.run_id == RunImageRow.run_id) & (Cell.image_id == RunImageRow.image_id))
        .where(RunImageRow.run_id == run_id)
        .order_by(RunImageRow.position, Cell.cell_id)
    )
    if image_id is not None:
        query = query.where(RunImageRow.image_id == image_id)
    with reading() as session:
        rows = session.execute(query).all()
    table = pd.DataFrame(rows, columns=["image_id", "cell_id", *COLUMNS])
    table = table.astype({"cell_id": "int32", **{name: _dtype(kind) for name, kind in COLUMNS.items()}})
    return table.set_index("cell_id")


def manual_labels(run_id: str) -> dict[str, dict[int, str]]:
    """Return the classes given by hand in a run: image id -> cell id -> class; cells without one are left out."""
    query = select(Cell.image_id, Cell.cell_id, Cell.manual_label).where(Cell.run_id == run_id, Cell.manual_label != "")
    classes: dict[str, dict[int, str]] = {}
    with reading() as session:
        for image_id, cell_id, name in session.execute(query):
            classes.setdefault(image_id, {})[cell_id] = name
    return classes


def _light(cells: pd.DataFrame) -> pd.DataFrame:
    """Return `COLUMNS` of a cell table, filled where it has none."""
    classes = classes_of(cells)
    # assigned, not renamed: a class may itself be called "positive"
    source = cells.assign(p_positive=cells[f"p_{positive_class(classes)}"]) if classes else cells
    light = pd.DataFrame(index=cells.index.astype("int64"))
    for name, kind in COLUMNS.items():
        column = source[name].to_numpy() if name in source else _EMPTY[kind]
        filled = pd.Series(column, index=light.index, dtype=object)
        light[name] = filled.where(filled.notna(), _EMPTY[kind]).astype(_dtype(kind))
    return light


def _dtype(kind: type) -> str:
    return {float: "float64", bool: "bool", str: "object"}[kind]


def _rows(run_id: str, image_id: str, light: pd.DataFrame) -> list[dict[str, Any]]:
    plain = light.astype(object).where(light.notna(), None)  # NaN has no place in a column that may be NULL
    names, values = [*light.columns, "cell_id"], [*(plain[name].tolist() for name in light), light.index.tolist()]
    part = {"run_id": run_id, "image_id": image_id}
    return [part | dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]


def _stored_ids(run_id: str, image_id: str) -> list[int]:
    with reading() as session:
        _check_part(session, run_id, image_id)
        return list(session.scalars(select(Cell.cell_id).where(Cell.run_id == run_id, Cell.image_id == image_id)))


def _replace(run_id: str, image_id: str, first: int, last: int, light: pd.DataFrame) -> None:
    """Replace the cells of an image whose ids lie between two, in one transaction; words said meanwhile stay."""
    here = Cell.run_id == run_id, Cell.image_id == image_id, Cell.cell_id.between(first, last)
    rows = _rows(run_id, image_id, light)
    with writing() as session:
        _check_part(session, run_id, image_id)
        by_hand = dict(session.execute(select(Cell.cell_id, Cell.manual_label).where(*here)).all())
        for row in rows:
            row["manual_label"] = row["manual_label"] or by_hand.get(row["cell_id"], "")
        session.execute(delete(Cell).where(*here), execution_options={"synchronize_session": False})
        if rows:
            session.execute(insert(Cell.__table__), rows)


def _check_part(session: Session, run_id: str, image_id: str) -> None:
    if session.get(RunImageRow, (run_id, image_id)) is None:
        raise StoreError(f"run {run_id!r} has no image {image_id!r}")
