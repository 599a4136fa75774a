"""The app, opened the way a browser opens it, on a home folder seeded by the core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from streamlit.testing.v1 import AppTest

from cellapp.jobs import worker_process
from cellapp.store import database
from tests.pages.seeding import Seeded, seed_image, seed_run

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def no_worker(monkeypatch, home):
    """Pages ask for a worker; tests of pages do not start one."""
    asked: list[int] = []
    monkeypatch.setattr(worker_process, "ensure_worker", lambda *_: asked.append(1))
    yield asked
    database.dispose()


@pytest.fixture
def open_page() -> Callable[..., AppTest]:
    """Open a page by its own address, with query parameters; fails when the script raises or another page comes."""

    def open_(path: str = "pages/analyse/upload.py", **query: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        app.query_params.update(query)
        if path != "pages/analyse/upload.py":
            app.switch_page(path)
        app.run()
        assert not app.exception, app.exception
        assert app._page_hash in ("", app._finished_page_script_hash), f"{path} is not the page that was opened"
        return app

    return open_


@pytest.fixture
def seeded(tmp_path) -> Seeded:
    """One image of a few cells in the default project."""
    return seed_image(tmp_path)


@pytest.fixture
def run_of(seeded):
    """Make a finished run of the seeded image: `run_of(head=..., n_cells=...)`."""

    def make(**options):
        return seed_run([seeded], **options)

    return make


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """SQL sent to the database so far; what only opens and closes transactions or connections is left out."""
    sent: list[str] = []

    def note(connection, cursor, statement, *_):
        if statement.split()[0].upper() not in ("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA"):
            sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)


@pytest.fixture
def write_locks() -> Iterator[list[str]]:
    """Transactions so far that were begun to write, which on SQLite wait for every other one of these."""
    begun: list[str] = []

    def note(connection, cursor, statement, *_):
        if statement.upper().startswith("BEGIN IMMEDIATE"):
            begun.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield begun
    event.remove(Engine, "before_cursor_execute", note)
