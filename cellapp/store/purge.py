"""Clean up: delete the rows of images removed long ago, then the files that were theirs and are nobody's now.

Removing an image can be undone for a week, so its bytes stay until then; and the same bytes may belong to images of
other projects. A file goes when its image was deleted and no row that is left has its digest, and lies in the bin of
the disk for another week (`cellapp.store.bin`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select

from cellapp.config import app_settings
from cellapp.errors import StoreError
from cellapp.exports.class_versions import read_versions
from cellapp.models.registry import stored_head, stored_segmenter
from cellapp.store.bin import to_bin
from cellapp.store.blobs import discard, stored_digests
from cellapp.store.database import reading, writing
from cellapp.store.deletions import delete_images, delete_pending, digests_in_use
from cellapp.store.file_schema import DeletedFile
from cellapp.store.heads import HEADS
from cellapp.store.runs import UNDO_S
from cellapp.store.schema import Image, PendingFile, Run, RunImageRow, VectorFile, now
from cellapp.store.segmenters import SEGMENTERS

_log = logging.getLogger("cellapp.store.purge")

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
        return delete_images(session, *unneeded)


def purge_pending(older_than_s: float = UNDO_S) -> int:
    """Forget files from which nobody has chosen an image for so many seconds; the next `purge_files` deletes them."""
    old = PendingFile.created < now() - timedelta(seconds=older_than_s)
    with writing() as session:
        return delete_pending(session, old)


def purge_files(untouched_s: float = UNTOUCHED_S) -> int:
    """Move the bytes of images that were deleted to the bin of the disk, and delete their pyramids and thumbnails.

    Only what the database has written down as deleted goes: a file of which it knows nothing belongs to another
    database, an older state of this one has not heard of it, or a process was killed while it was added.

    Parameters
    ----------
    untouched_s : float
        Only those not written to for so many seconds, and not stored again since they were deleted.

    Returns
    -------
    int
        How many digests went.

    Raises
    ------
    StoreError
        When most stored files belong to no image that the database knows: something is wrong, and nothing is deleted.
    """
    old, newest = time.time() - untouched_s, _written()
    with writing() as session:  # rows are read after the disk: a file whose row was added meanwhile stays
        in_use = digests_in_use(session)
        deleted = {row.digest: row.deleted for row in session.scalars(select(DeletedFile))}
        _refuse_strangers({digest for digest, written in newest.items() if written < old}, in_use | set(deleted))
        gone = {
            digest
            for digest, at in deleted.items()
            if digest not in in_use and newest.get(digest, 0.0) < min(old, at.timestamp())
        }
        session.execute(delete(DeletedFile).where(DeletedFile.digest.in_(gone | (in_use & set(deleted)))))
    for digest in gone:
        discard(digest)
    return len(gone & set(newest))


def purge_vectors(untouched_s: float = UNTOUCHED_S) -> int:
    """Move vectors that no run needs to the bin but those written lately; returns how many."""
    old = time.time() - untouched_s
    paths = [path for path in (app_settings().home / "vectors").glob("*/*.npz") if path.stat().st_mtime < old]
    with reading() as session:  # after the disk, as above
        needed = set(session.scalars(select(VectorFile.key)))
    unneeded = [path for path in paths if path.stem not in needed]
    for path in unneeded:
        to_bin(path)
    return len(unneeded)


def purge_heads(older_than_s: float = UNDO_S) -> int:
    """Delete heads that have been in the bin for so many seconds, and their files once no project and no run has them.

    A run has the head it was started with and those of all versions of its classes, also while it is in the bin.

    Returns
    -------
    int
        How many left their project.
    """
    n_left, unkept = HEADS.delete_removed(older_than_s)
    if not unkept:
        return n_left
    with reading() as session:
        runs = session.execute(select(Run.id, Run.settings)).all()
    try:
        unused = unkept - _heads_named_by(runs)
    except (ValueError, KeyError, TypeError) as error:  # nobody knows what that run needs
        _log.warning("kept the files of %d heads, because the classes of a run cannot be read: %s", len(unkept), error)
        unused = set()
    for identity in unused:
        to_bin(stored_head(identity))
    return n_left


def purge_segmenters(older_than_s: float = UNDO_S) -> int:
    """Delete segmenters that have been in the bin for so many seconds; returns how many left their project.

    Their files go to the bin of the disk once no project keeps them and no run names them, also one in the bin.
    """
    n_left, unkept = SEGMENTERS.delete_removed(older_than_s)
    if not unkept:
        return n_left
    with reading() as session:
        named = {settings["segment"]["segmenter"] for settings in session.scalars(select(Run.settings))}
    for identity in unkept - named:
        to_bin(stored_segmenter(identity))
    return n_left


def _heads_named_by(runs: Iterable[tuple[str, Mapping[str, Any]]]) -> set[str | None]:
    """Return the heads that runs name, given as id and settings: in these, and in the versions of their classes."""
    named = set()
    for run_id, settings in runs:
        versions = read_versions(app_settings().home / "runs" / run_id).versions
        named |= {settings.get("classify", {}).get("head")}
        named |= {head for version in versions for head in (version.head, version.settings.head)}
    return named


def _written() -> dict[str, float]:
    """Return when something of each digest was written for the last time: file, pyramid or thumbnail."""
    newest: dict[str, float] = {}
    for folder in ("files", "pyramids", "thumbnails"):
        for path in (app_settings().home / folder).glob("[0-9a-f][0-9a-f]/[0-9a-f]*"):
            digest = path.name[:_DIGEST_LENGTH]
            newest[digest] = max(newest.get(digest, 0.0), path.stat().st_mtime)
    return newest


def _refuse_strangers(settled: set[str], known: set[str]) -> None:
    """Refuse to clean where most of the originals that are not just arriving are unknown."""
    stored = settled & set(stored_digests())
    strangers = stored - known
    if 2 * len(strangers) > len(stored):
        raise StoreError(
            f"nothing was cleaned away: {len(strangers):,} of {len(stored):,} stored files belong to no image of this "
            "database; is it the right one, and not an older copy?"
        )
