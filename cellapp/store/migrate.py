"""Migrate a database to this version's tables, once, even when several processes start at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock
from sqlalchemy import Connection, Engine, text

from cellapp.errors import StoreError

_ADVISORY_KEY = 7_236_901  # any number, the same in every process: PostgreSQL's lock for migrations
_FOLDER = Path(__file__).resolve().parent / "migrations"


def migrate(engine: Engine) -> None:
    """Run the missing migrations.

    Raises
    ------
    StoreError
        A newer version of cellapp made the database.
    """
    if revision_of(engine) == head_revision():
        return
    with alone(engine), engine.connect() as connection, connection.begin():
        _refuse_newer(connection)
        config = migration_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def migration_config() -> Config:
    """Return Alembic's configuration; there is no alembic.ini because the application migrates by itself."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config


def head_revision() -> str | None:
    """Return the revision this version of cellapp works with."""
    return ScriptDirectory.from_config(migration_config()).get_current_head()


def revision_of(engine: Engine) -> str | None:
    """Return the revision a database is at, None when it is empty."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(connection: Connection) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    revisions = {script.revision for script in ScriptDirectory.from_config(migration_config()).walk_revisions()}
    if current is not None and current not in revisions:
        raise StoreError(
            f"the database is at revision {current} of a newer cellapp; get that version, or point CELLAPP_HOME or "
            "CELLAPP_DATABASE_URL elsewhere"
        )


@contextmanager
def alone(engine: Engine) -> Iterator[None]:
    """Keep out every other process that starts with the same database."""
    if engine.dialect.name != "sqlite":
        with engine.connect() as connection, connection.begin():
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_KEY})
            yield
        return
    path = engine.url.database
    with FileLock(f"{path}.lock") if path else nullcontext():
        yield
