"""Rows of the labels table: the records callers get of them, and which one of them a cell shows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import Session

from cellapp.errors import StoreError
from cellapp.labelling.analysed_cells import AnalysedCells, analysed_cells
from cellapp.labelling.outline import Outline, outline_from_json
from cellapp.labelling.sources import LabelSource
from cellapp.store.blobs import home_folder
from cellapp.store.database import reading
from cellapp.store.label_schema import Label
from cellapp.store.schema import Cell, RunImageRow


@dataclass(frozen=True)
class LabelRecord:
    """A class that a person gave to a cell."""

    id: int  # ascending: the order in which they were given
    project_id: str
    image_id: str
    run_id: str | None  # on whose cells it was given; None: for a position
    cell_id: int | None  # of that run
    class_name: str
    who: str  # "" where nobody said
    source: LabelSource
    created: datetime  # with zone
    y_px: float  # a point on the cell
    x_px: float
    outline: Outline | None  # None of labels from before outlines were kept, and of positions
    retracted: datetime | None = None


@dataclass(frozen=True)
class NewLabel:
    """A label to be added: on a cell of a run, or on a position where no run has a cell yet."""

    image_id: str
    class_name: str
    run_id: str | None = None
    cell_id: int | None = None  # of the run
    y_px: float | None = None  # only without a cell
    x_px: float | None = None
    who: str = ""
    source: LabelSource = LabelSource.HAND
    created: datetime | None = None  # with zone; now when left out


def label_record(row: Label) -> LabelRecord:
    """Return the frozen record of a row."""
    return LabelRecord(
        id=row.id,
        project_id=row.project_id,
        image_id=row.image_id,
        run_id=row.run_id,
        cell_id=row.cell_id,
        class_name=row.class_name,
        who=row.who,
        source=LabelSource(row.source),
        created=row.created,
        y_px=row.y_px,
        x_px=row.x_px,
        outline=outline_from_json(row.outline) if row.outline else None,
        retracted=row.retracted,
    )


def last_of_each(rows: Iterable[LabelRecord]) -> list[LabelRecord]:
    """Return the last word of each person on each cell of each run, or on each position, in the order given."""
    last: dict[tuple, LabelRecord] = {}
    for row in sorted(rows, key=lambda row: (row.created, row.id)):
        place = (row.y_px, row.x_px) if row.cell_id is None else (row.run_id, row.cell_id)
        last[row.who, row.image_id, place] = row
    return sorted(last.values(), key=lambda row: row.id)


def cells_on_disk(run_id: str, image_id: str) -> AnalysedCells | None:
    """Return the cells of an image of a run as its folder holds them, None where that is gone."""
    with reading() as session:
        part = session.get(RunImageRow, (run_id, image_id))
        folder = home_folder("runs") / run_id / part.stem if part else None
    if folder is None or not (folder / "labels.tif").is_file() or not (folder / "cells.parquet").is_file():
        return None
    return analysed_cells(folder)


def cell_ids_of(session: Session, run_id: str, image_id: str) -> set[int]:
    """Return the cells of an image of a run."""
    return set(session.scalars(select(Cell.cell_id).where(Cell.run_id == run_id, Cell.image_id == image_id)))


def run_cell_ids(run_id: str) -> dict[str, list[int]]:
    """Return the cells of a run by image, ascending; images without any are left out."""
    query = select(Cell.image_id, Cell.cell_id).where(Cell.run_id == run_id).order_by(Cell.image_id, Cell.cell_id)
    found: dict[str, list[int]] = {}
    with reading() as session:
        for image_id, cell_id in session.execute(query):
            found.setdefault(image_id, []).append(cell_id)
    return found


def check_cells(session: Session, run_id: str, image_id: str, cell_ids: Collection[int]) -> None:
    """Raise StoreError, naming the first, where an image of a run lacks a cell."""
    missing = sorted(set(map(int, cell_ids)) - cell_ids_of(session, run_id, image_id))
    if missing:
        raise StoreError(f"run {run_id!r} has no cell {missing[0]} in image {image_id!r}; reload the page")


def cells_spoken_of(run_id: str, image_id: str, since: datetime) -> set[int]:
    """Return the cells of an image of a run to which somebody gave a class, or took one back, after a time."""
    changed = or_(Label.created > since, Label.retracted > since)
    query = select(Label.cell_id).where(Label.run_id == run_id, Label.image_id == image_id, changed)
    with reading() as session:
        return {cell_id for cell_id in session.scalars(query) if cell_id is not None}


def show_words(session: Session, run_id: str, image_id: str, cell_ids: Collection[int]) -> None:
    """Make `manual_label` of some cells what was said of them last on this run, by whomever; "" where nothing is."""
    wanted = set(map(int, cell_ids))
    query = select(Label.cell_id, Label.class_name).where(
        Label.run_id == run_id, Label.image_id == image_id, Label.retracted.is_(None)
    )
    words = dict.fromkeys(wanted, "")
    words |= {cell: name for cell, name in session.execute(query.order_by(Label.created, Label.id)) if cell in wanted}
    set_manual(session, run_id, image_id, words)


def set_manual(session: Session, run_id: str, image_id: str, words: Mapping[int, str]) -> None:
    """Write `manual_label` of some cells."""
    if words:
        here = (Cell.run_id == run_id, Cell.image_id == image_id, Cell.cell_id == bindparam("the_cell"))
        values = [{"the_cell": cell_id, "the_class": name} for cell_id, name in words.items()]
        session.execute(update(Cell.__table__).where(*here).values(manual_label=bindparam("the_class")), values)
