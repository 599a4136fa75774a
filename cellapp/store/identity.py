"""One id for the files under CELLAPP_HOME and their database: neither works with a stranger.

Files and rows are useless without each other, and cleaning up by the rows of another database would take the files of
this one. The id is made at the first start, also of what version 0.1.0 stored, and is in ``store.json`` and in a table.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from sqlalchemy import Connection, Engine, insert, select

from cellapp.config import app_settings
from cellapp.errors import StoreError
from cellapp.files import atomic_write
from cellapp.store.blobs import home_folder, stored_digests
from cellapp.store.file_schema import FileStore
from cellapp.store.migrate import alone
from cellapp.store.schema import Image, PendingFile

_STRANGERS = (
    "the files under CELLAPP_HOME and the database do not belong together{}; point CELLAPP_HOME and "
    "CELLAPP_DATABASE_URL to the pair that does, put the right database back, or begin anew in an empty CELLAPP_HOME"
)


def check_identity(engine: Engine) -> None:
    """Check that a database and the files of this home belong together; give both an id when they have none.

    Raises
    ------
    StoreError
        When their ids differ, or one has none and nothing says that it is the other's: an empty or replaced database
        over stored files, stored images without any of their files.
    """
    path = app_settings().home / "store.json"
    with engine.connect() as connection:
        if (known := _of_database(connection)) is not None and known == _of_files(path):
            return
    with alone(engine), engine.begin() as connection:
        in_database, of_files = _of_database(connection), _of_files(path)
        if in_database and of_files and in_database != of_files:
            raise StoreError(_STRANGERS.format(f": their ids are {of_files} and {in_database}"))
        if in_database != of_files or in_database is None:
            _marry(connection, path, in_database, of_files)


def _marry(connection: Connection, path: Path, in_database: str | None, of_files: str | None) -> None:
    images, stored = _digests(connection), set(stored_digests())
    replaced = bool(in_database and images and not stored)  # a database of 0.1.0 whose files are lost opens
    if replaced or (stored and not images & stored):
        counts = f": of {len(images):,} images in the database and {len(stored):,} stored files none is the other's"
        raise StoreError(_STRANGERS.format(counts))
    chosen = in_database or of_files or uuid.uuid4().hex
    if in_database is None:
        connection.execute(insert(FileStore).values(id=chosen))
    if of_files is None:
        _write(path, chosen)


def _write(path: Path, chosen: str) -> None:
    home_folder()
    try:
        with atomic_write(path) as part:
            part.write_text(json.dumps({"id": chosen}) + "\n", encoding="utf-8")
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise StoreError(f"CELLAPP_HOME cannot be written to ({why}); make room, or point it elsewhere") from error


def _of_database(connection: Connection) -> str | None:
    return connection.scalar(select(FileStore.id))


def _of_files(path: Path) -> str | None:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["id"])
    except (OSError, ValueError, KeyError, TypeError):  # not there, or no longer what was written
        return None


def _digests(connection: Connection) -> set[str]:
    """Return the digests of the files that rows need, those in the bin too."""
    rows = connection.execute(select(Image.digest, Image.file_digest, Image.parts)).all()
    found = {digest for own, file, parts in rows for digest in (parts or [file or own])}
    return found | set(connection.scalars(select(PendingFile.digest)))
