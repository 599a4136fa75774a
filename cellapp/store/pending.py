"""Stored files of several images: listed scene by scene and time point by time point, until some are chosen.

What waits is in the database, so that a reload, another page or a colleague finds it again. A file from which nothing
is chosen goes with the bin, see `cellapp.store.purge`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from cellapp.config import app_settings
from cellapp.errors import InputError, StoreError
from cellapp.images.probe import admit
from cellapp.images.read import selected_digest
from cellapp.store.blobs import digest_path, stored_path
from cellapp.store.database import reading, writing
from cellapp.store.deletions import delete_pending
from cellapp.store.image_rows import insert_image
from cellapp.store.projects import project_row
from cellapp.store.records import PendingFile, UploadOutcome
from cellapp.store.schema import PendingFile as PendingRow
from cellapp.store.schema import now
from cellapp.types.image import Selection

TICKED_AT_ONCE = 24
"""Of a file with up to so many images all are ticked until somebody chooses, of a larger one none."""


def add_pending(project_id: str, digest: str, name: str) -> PendingFile:
    """Remember a stored file to choose from; the same file again is the one that waits already."""
    with writing() as session:
        project_row(session, project_id)
        same = PendingRow.project_id == project_id, PendingRow.digest == digest
        row = session.scalar(select(PendingRow).where(*same)) or PendingRow(project_id=project_id, digest=digest)
        row.name, row.created = name, now()
        session.add(row)
        session.flush()
        return _record(row)


def list_pending(project_id: str) -> tuple[PendingFile, ...]:
    """Return the files of a project that wait to be chosen from, newest first; none that is gone from the disk."""
    query = select(PendingRow).where(PendingRow.project_id == project_id).order_by(PendingRow.created.desc())
    with reading() as session:
        records = [_record(row) for row in session.scalars(query)]
    return tuple(record for record in records if digest_path(record.digest).exists())


def tick(pending_id: str, chosen: Sequence[Selection]) -> PendingFile:
    """Remember which images are ticked, before they are added."""
    with writing() as session:
        row = _row(session, pending_id)
        row.ticked = [[one.scene, one.time] for one in chosen]
        return _record(row)


def choose_images(pending_id: str, chosen: Sequence[Selection]) -> tuple[UploadOutcome, ...]:
    """Add images of a file that waits to its project; the file waits no longer.

    Parameters
    ----------
    pending_id : str
    chosen : sequence of Selection
        With the rule for depth.

    Returns
    -------
    tuple of UploadOutcome
        One per image, good or bad.

    Raises
    ------
    InputError
        Nothing is chosen.
    """
    with reading() as session:
        pending = _record(_row(session, pending_id))
    if not chosen:
        raise InputError(f"no image of {pending.name!r} is chosen; tick those to add, or dismiss the file")
    together = now()
    outcomes = []
    for one in chosen:
        try:
            info = admit(stored_path(pending.digest, pending.name), pending.name, app_settings().budget, one)
        except InputError as error:
            outcomes.append(UploadOutcome(pending.name, problem=str(error)))
            continue
        digest = selected_digest(pending.digest, info.selection)
        record, existed = insert_image(
            pending.project_id, digest, info.title, info, file_digest=pending.digest, created=together
        )
        outcomes.append(UploadOutcome(info.title, image=record, existed=existed))
    dismiss(pending_id)
    return tuple(outcomes)


def dismiss(pending_id: str) -> None:
    """Forget a file without adding an image of it; its bytes go when no image has them."""
    with writing() as session:
        delete_pending(session, PendingRow.id == pending_id)


def _row(session: Session, pending_id: str) -> PendingRow:
    row = session.get(PendingRow, pending_id)
    if row is None:
        raise StoreError(f"no file {pending_id!r} waits to be chosen from; it was added or dismissed, upload it again")
    return row


def _record(row: PendingRow) -> PendingFile:
    ticked = None if row.ticked is None else tuple(Selection(scene, time) for scene, time in row.ticked)
    return PendingFile(row.id, row.project_id, row.name, row.digest, row.created, ticked)
