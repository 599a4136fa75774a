"""Edits of the label images of runs: who changed which cells when. Rows are added, never changed or deleted."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from cellapp.editing.edit import edit_from_json, edit_to_json
from cellapp.editing.history import EditRecord
from cellapp.errors import InputError, StoreError
from cellapp.store.database import reading, writing
from cellapp.store.mask_edit_schema import MaskEdit
from cellapp.store.schema import RunImageRow


def add_edits(run_id: str, image_id: str, records: Sequence[EditRecord]) -> None:
    """Write down edits of an image of a run, all or none.

    Raises
    ------
    StoreError
        The run has no such image.
    InputError
        Another process wrote down an edit of that number first.
    """
    rows = [_row(run_id, image_id, record) for record in records]
    try:
        with writing() as session:
            if session.get(RunImageRow, (run_id, image_id)) is None:
                raise StoreError(f"run {run_id!r} has no image {image_id!r}")
            session.add_all(rows)
            session.flush()
    except IntegrityError as error:
        raise InputError("the cells were edited by somebody else at the same time; look at them, then edit") from error


def _row(run_id: str, image_id: str, record: EditRecord) -> MaskEdit:
    return MaskEdit(
        run_id=run_id,
        image_id=image_id,
        number=record.number,
        edit=edit_to_json(record.edit),
        cells=sorted(record.cells),
        highest_id=record.highest_id,
        sentence=record.sentence,
        who=record.who,
        created=record.created,
    )


def list_edits(run_id: str, image_id: str) -> tuple[EditRecord, ...]:
    """Return all edits of an image of a run, undone ones and undos too, in the order of their numbers."""
    query = select(MaskEdit).where(MaskEdit.run_id == run_id, MaskEdit.image_id == image_id)
    with reading() as session:
        return tuple(
            EditRecord(
                number=row.number,
                edit=edit_from_json(row.edit),
                cells=frozenset(row.cells),
                highest_id=row.highest_id,
                who=row.who,
                created=row.created,
                sentence=row.sentence,
            )
            for row in session.scalars(query.order_by(MaskEdit.number))
        )


def last_edit(run_id: str, image_id: str) -> int:
    """Return the number of the last edit of an image of a run, 0 where nobody edited it."""
    query = select(func.max(MaskEdit.number)).where(MaskEdit.run_id == run_id, MaskEdit.image_id == image_id)
    with reading() as session:
        return session.scalar(query) or 0


def edited_images(run_ids: Sequence[str]) -> dict[tuple[str, str], int]:
    """Return the number of the last edit of each image that was edited, by run and image."""
    query = select(MaskEdit.run_id, MaskEdit.image_id, func.max(MaskEdit.number)).where(MaskEdit.run_id.in_(run_ids))
    with reading() as session:
        rows = session.execute(query.group_by(MaskEdit.run_id, MaskEdit.image_id)).all()
    return {(run_id, image_id): number for run_id, image_id, number in rows}
