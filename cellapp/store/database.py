"""The one way to the database: an engine per URL, migrated before its first use, and two kinds of session.

SQLite runs in WAL mode, so that pages read while the worker writes. Its transactions are begun by us: a writing session
takes the write lock at once (``BEGIN IMMEDIATE``) and waits for it, where a transaction that reads first and writes
later would fail without waiting when another process wrote in between.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DataError, OperationalError
from sqlalchemy.orm import Session

from cellapp.config import app_settings
from cellapp.errors import InputError, StoreError
from cellapp.store.blobs import make_folder, without_home
from cellapp.store.identity import check_identity
from cellapp.store.migrate import migrate

_busy_s = 30.0  # how long a session waits for another one's write
_WRITES = "cellapp_writes"
_engines: dict[str, Engine] = {}
_lock = threading.Lock()


def engine() -> Engine:
    """Return the engine of the database in force, migrated to this version's tables.

    Raises
    ------
    StoreError
        The database cannot be reached, a newer version of cellapp made it, or the files under CELLAPP_HOME are not its.
    """
    url = app_settings().database
    with _lock:
        if url not in _engines:
            _engines[url] = _open(url)
        return _engines[url]


def check_database() -> str:
    """Return which database is in use, without its password; raises StoreError when it cannot be used."""
    return engine().url.render_as_string(hide_password=True)


@contextmanager
def reading() -> Iterator[Session]:
    """Give a session that sees one state of the database and changes nothing."""
    with _as_store_error(), Session(engine()) as session:
        yield session


@contextmanager
def writing() -> Iterator[Session]:
    """Give a session that is committed at the end of the block, or rolled back whole when the block raises."""
    writer = engine().execution_options(**{_WRITES: True})
    with _as_store_error(), Session(writer) as session, session.begin():
        yield session


@contextmanager
def waiting(seconds: float) -> Iterator[None]:
    """Have the sessions of this process wait longer than a visitor would while others write; of SQLite alone.

    Parameters
    ----------
    seconds : float
        PostgreSQL waits as long as its server is set to.
    """
    global _busy_s
    before, _busy_s = _busy_s, seconds
    try:
        yield
    finally:
        _busy_s = before


def dispose() -> None:
    """Close every connection of this process; the next use opens them again."""
    with _lock:
        for opened in _engines.values():
            opened.dispose()
        _engines.clear()


@contextmanager
def _as_store_error() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise _unusable(make_url(app_settings().database), error) from error
    except DataError as error:  # PostgreSQL takes no text with a zero byte, which an address may have
        raise InputError(f"the database holds no such text or number ({_cause(error)}); send another one") from error


def _cause(error: DatabaseError) -> str:
    return " ".join(str(error.orig).split())


def _unusable(url: URL, error: DatabaseError) -> StoreError:
    shown = without_home(url.render_as_string(hide_password=True))
    return StoreError(
        f"the database {shown} cannot be used: {_cause(error)}; is it running, and is there room on the disk?"
    )


def _open(url: str) -> Engine:
    try:
        parsed = make_url(url)
        made = _sqlite(url, parsed.database) if parsed.get_backend_name() == "sqlite" else _server(url)
        migrate(made)
        check_identity(made)
    except (ArgumentError, ModuleNotFoundError) as error:
        raise StoreError(
            "CELLAPP_DATABASE_URL is not a database URL of a known kind; leave it out for SQLite, or write "
            "postgresql+psycopg://user:password@host/name"
        ) from error
    except DatabaseError as error:  # the operational ones, and a file that is no database at all
        raise _unusable(parsed, error) from error
    return made


def _sqlite(url: str, database: str | None) -> Engine:
    if database:
        make_folder(Path(database).parent)
    made = create_engine(url, connect_args={"timeout": _busy_s})
    event.listen(made, "connect", _prepare_sqlite)
    event.listen(made, "begin", _begin_sqlite)
    return made


def _server(url: str) -> Engine:
    return create_engine(url, pool_pre_ping=True)  # a server may have been restarted since the last query


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by _begin_sqlite, not by the driver
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.connection.dbapi_connection.execute(f"PRAGMA busy_timeout={round(1000 * _busy_s)}")
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
