"""Labels of a project: who gave which class to which cell, when and on which run. The one way in for each of them.

Rows are added and retracted, never changed or deleted: undo retracts, redo restores. The last word of each person
counts, and people who disagree stay beside each other. `manual_label` of a cell, which files and pages show, is the
word said last on its run; it is written here only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from cellapp.labelling.class_names import clean_class
from cellapp.store.database import reading, writing
from cellapp.store.label_rows import (
    LabelRecord,
    NewLabel,
    cells_spoken_of,
    check_cells,
    label_record,
    last_of_each,
    show_words,
)
from cellapp.store.label_schema import Label
from cellapp.store.new_labels import check_new, label_row, outlines_of
from cellapp.store.project_classes import add_to_classes
from cellapp.store.projects import project_row
from cellapp.store.schema import Image, now

__all__ = [
    "LabelRecord",
    "NewLabel",
    "add_labels",
    "cells_spoken_of",
    "list_labels",
    "relabel",
    "restore_labels",
    "retract_labels",
]


def add_labels(project_id: str, labels: Sequence[NewLabel]) -> tuple[LabelRecord, ...]:
    """Add labels; each is a word of its own, and an earlier one of the same person stays below it.

    Parameters
    ----------
    project_id : str
    labels : sequence of NewLabel
        Their classes become classes of the project.

    Returns
    -------
    tuple of LabelRecord
        In the order given, with the outline of each cell as it is in its run.

    Raises
    ------
    InputError
        A class has no name or that of another count, two differ in spelling alone, or a label has no place.
    StoreError
        An image is not of the project, or a run has no such cell; then none is added.
    """
    names = [clean_class(label.class_name) for label in labels]
    outlines = outlines_of(labels)
    start = now()
    with writing() as session:
        check_new(session, project_id, labels)
        add_to_classes(project_row(session, project_id), names)
        rows = [
            label_row(session, project_id, label, name, outline)
            for label, name, outline in zip(labels, names, outlines, strict=True)
        ]
        for position, row in enumerate(rows):  # the order given, where the clock has none
            row.created = row.created or start + timedelta(microseconds=position)
            session.add(row)
        session.flush()
        _show(session, rows)
        return tuple(label_record(row) for row in rows)


def retract_labels(ids: Collection[int]) -> None:
    """Take labels back; the word before each counts again. `restore_labels` undoes it."""
    _set_retracted(ids, retracted=True)


def restore_labels(ids: Collection[int]) -> None:
    """Bring retracted labels back as they were."""
    _set_retracted(ids, retracted=False)


def list_labels(
    project_id: str, image_ids: Collection[str] | None = None, *, history: bool = False
) -> tuple[LabelRecord, ...]:
    """Return the labels of a project, in the order in which they were given.

    Parameters
    ----------
    project_id : str
    image_ids : collection of str, optional
        Of these images only.
    history : bool
        All that was ever said, retracted or not; else the last word of each person on each cell.
    """
    query = select(Label).where(Label.project_id == project_id).order_by(Label.id)
    if image_ids is not None:
        query = query.where(Label.image_id.in_(list(image_ids)))
    if not history:
        query = query.where(Label.retracted.is_(None))
    with reading() as session:
        records = [label_record(row) for row in session.scalars(query)]
    return tuple(records if history else last_of_each(records))


def relabel(run_id: str, image_id: str, labels: Mapping[int, str], *, who: str = "") -> tuple[int, ...]:
    """Give classes to cells of a run by hand; "" takes back what anybody said of a cell on this run.

    Parameters
    ----------
    run_id, image_id : str
    labels : mapping
        Cell id -> class or ""; a cell that has the class already gets no second word of the same person.
    who : str

    Returns
    -------
    tuple of int
        Ids of the labels added or retracted.

    Raises
    ------
    StoreError
        A cell is not there; then none is changed.
    """
    with reading() as session:
        check_cells(session, run_id, image_id, labels)
        image = session.get(Image, image_id)
        query = select(Label).where(Label.run_id == run_id, Label.image_id == image_id, Label.retracted.is_(None))
        said = [label_record(row) for row in session.scalars(query.order_by(Label.created, Label.id))]
    cleared = [row.id for row in said if not labels.get(row.cell_id, "kept")]
    shown = {row.cell_id: row for row in said}
    new = [
        NewLabel(image_id, name, run_id, int(cell_id), who=who)
        for cell_id, name in labels.items()
        if name and not _says(shown.get(int(cell_id)), name, who)
    ]
    retract_labels(cleared)
    added = add_labels(image.project_id, new) if image and new else ()
    with writing() as session:  # a class that only the cell knew, from files of another store, goes with the others
        show_words(session, run_id, image_id, [cell_id for cell_id, name in labels.items() if not name])
    return (*cleared, *(record.id for record in added))


def _says(record: LabelRecord | None, name: str, who: str) -> bool:
    return record is not None and (record.class_name, record.who) == (clean_class(name), who)


def _set_retracted(ids: Collection[int], *, retracted: bool) -> None:
    with writing() as session:
        rows = session.scalars(select(Label).where(Label.id.in_(list(map(int, ids))))).all()
        for row in rows:
            row.retracted = (row.retracted or now()) if retracted else None
        session.flush()
        _show(session, rows)


def _show(session: Session, rows: Iterable[Label]) -> None:
    cells: dict[tuple[str, str], set[int]] = {}
    for row in rows:
        if row.run_id is not None and row.cell_id is not None:
            cells.setdefault((row.run_id, row.image_id), set()).add(row.cell_id)
    for (run_id, image_id), cell_ids in cells.items():
        show_words(session, run_id, image_id, cell_ids)
