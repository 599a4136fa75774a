"""Empty the bin: delete the rows of removed images, then every file that no row names any more.

Removing an image can be undone for a week, so its bytes stay until then; and the same bytes may belong to images of
other projects. A file goes when no row that is left has its digest.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, select

from cellapp.config import app_settings
from cellapp.models.registry import stored_head
from cellapp.store.blobs import discard
from cellapp.store.database import reading, writing
from cellapp.store.runs import UNDO_S
from cellapp.store.schema import Head, Image, PendingFile, Run, RunImageRow, VectorFile, now

UNTOUCHED_S = 24 * 3600.0
"""A file younger than this may belong to an image that is just being added."""

_DIGEST_LENGTH = 64


def purge_images(older_than_s: float = UNDO_S) -> int:
    """Delete images that have been in the bin for so many seconds, unless a run or another image needs them.

    Parameters
    ----------
    older_than_s : float

    Returns
    -------
    int
        How many were deleted; their files go with the next `purge_files`.
    """
    in_runs = select(RunImageRow.image_id)
    references = select(Image.reference_id).where(Image.reference_id.is_not(None), Image.removed.is_(None))
    unneeded = (
        Image.removed < now() - timedelta(seconds=older_than_s),
        Image.id.not_in(in_runs),
        Image.id.not_in(references),
    )
    with writing() as session:
        return session.execute(delete(Image).where(*unneeded)).rowcount


def purge_pending(older_than_s: float = UNDO_S) -> int:
    """Forget files from which nobody has chosen an image for so many seconds; the next `purge_files` deletes them."""
    old = PendingFile.created < now() - timedelta(seconds=older_than_s)
    with writing() as session:
        return session.execute(delete(PendingFile).where(old)).rowcount


def purge_files(untouched_s: float = UNTOUCHED_S) -> int:
    """Delete the bytes, the pyramid and the thumbnails of every digest that no image and no pending file names.

    Parameters
    ----------
    untouched_s : float
        Only those not written to for so many seconds.

    Returns
    -------
    int
        How many digests were deleted.
    """
    old, newest = time.time() - untouched_s, {}
    for digest, path in _stored():
        newest[digest] = max(newest.get(digest, 0.0), path.stat().st_mtime)
    # Rows are read after the disk: a file whose row was added meanwhile stays.
    unneeded = {digest for digest, written in newest.items() if written < old} - _named()
    for digest in unneeded:
        discard(digest)
    return len(unneeded)


def purge_vectors(untouched_s: float = UNTOUCHED_S) -> int:
    """Delete the vectors that no run needs; those written in the last `untouched_s` seconds stay. Returns how many."""
    old = time.time() - untouched_s
    paths = [path for path in (app_settings().home / "vectors").glob("*/*.npz") if path.stat().st_mtime < old]
    with reading() as session:  # after the disk, as above
        needed = set(session.scalars(select(VectorFile.key)))
    unneeded = [path for path in paths if path.stem not in needed]
    for path in unneeded:
        path.unlink(missing_ok=True)
    return len(unneeded)


def purge_heads(older_than_s: float = UNDO_S) -> int:
    """Delete heads that have been in the bin for so many seconds, and their files once no project and no run has them.

    Returns
    -------
    int
        How many left their project.
    """
    with writing() as session:
        old = select(Head).where(Head.removed < now() - timedelta(seconds=older_than_s))
        rows = session.scalars(old).all()
        gone = {row.identity for row in rows}
        for row in rows:
            session.delete(row)
        session.flush()
        kept = set(session.scalars(select(Head.identity).where(Head.identity.in_(gone))))
        used = {settings.get("classify", {}).get("head") for settings in session.scalars(select(Run.settings))}
    for identity in gone - kept - used:
        shutil.rmtree(stored_head(identity), ignore_errors=True)
    return len(rows)


def _stored() -> Iterator[tuple[str, Path]]:
    """Yield digest and path of everything stored by content."""
    for folder in ("files", "pyramids", "thumbnails"):
        for path in (app_settings().home / folder).glob("[0-9a-f][0-9a-f]/[0-9a-f]*"):
            yield path.name[:_DIGEST_LENGTH], path


def _named() -> set[str]:
    """Return the digests of all images, those in the bin too, of their files, and of files that wait for a choice."""
    with reading() as session:
        rows = session.execute(select(Image.digest, Image.file_digest, Image.parts)).all()
        pending = session.scalars(select(PendingFile.digest)).all()
    return {digest for own, file, parts in rows for digest in (own, file or own, *parts)} | set(pending)
