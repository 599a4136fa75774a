"""What the database remembers of deleted images: whose files may be cleaned away."""

from __future__ import annotations

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from cellapp.store.file_schema import DeletedFile
from cellapp.store.schema import Image, PendingFile, now


def delete_images(session: Session, *which: ColumnElement[bool]) -> int:
    """Delete rows of images and write down their files; returns how many."""
    _write_down(session, _of_images(session, *which))
    return session.execute(delete(Image).where(*which)).rowcount


def delete_pending(session: Session, *which: ColumnElement[bool]) -> int:
    """Delete rows of files that wait to be chosen from and write down the files; returns how many."""
    _write_down(session, set(session.scalars(select(PendingFile.digest).where(*which))))
    return session.execute(delete(PendingFile).where(*which)).rowcount


def digests_in_use(session: Session) -> set[str]:
    """Return the digests of all images, those in the bin too, of their files, and of files that wait for a choice."""
    return _of_images(session) | set(session.scalars(select(PendingFile.digest)))


def _of_images(session: Session, *which: ColumnElement[bool]) -> set[str]:
    rows = session.execute(select(Image.digest, Image.file_digest, Image.parts).where(*which)).all()
    return {digest for own, file, parts in rows for digest in (own, file or own, *parts)}


def _write_down(session: Session, digests: set[str]) -> None:
    at = now()  # a file that was deleted, stored and deleted again has the last time
    for digest in digests:
        session.merge(DeletedFile(digest=digest, deleted=at))
