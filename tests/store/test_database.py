import subprocess
import sys
import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from cellapp.config import app_settings
from cellapp.errors import StoreError
from cellapp.store.database import check_database, dispose, engine, reading, writing
from cellapp.store.migrate import head_revision, migrate, revision_of
from cellapp.store.projects import create_project, get_project, list_projects, project_row
from cellapp.store.schema import Base
from tests.paths import ROOT

START = "from cellapp.store.projects import default_project; print(default_project().id)"


def test_migrations_from_empty_give_the_tables_of_the_schema():
    with engine().connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    assert revision_of(engine()) == head_revision()


def test_migrating_again_changes_nothing():
    project = create_project("kept")
    migrate(engine())
    assert list_projects() == (project,)


@pytest.mark.slow
def test_processes_that_start_together_share_one_database():
    starting = [
        subprocess.Popen([sys.executable, "-c", START], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    said = [process.communicate(timeout=60)[0].strip() for process in starting]
    assert [process.returncode for process in starting] == [0, 0, 0]
    assert len(set(said)) == 1
    assert [project.id for project in list_projects()] == [said[0]]


def test_a_database_of_a_newer_version_is_left_alone():
    with engine().begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    dispose()
    with pytest.raises(StoreError, match="9999 of a newer cellapp"):
        engine()


def test_writers_wait_for_each_other_and_lose_nothing():
    project = create_project("0")

    def count_up():
        for _ in range(10):
            with writing() as session:
                row = project_row(session, project.id)
                session.refresh(row, with_for_update=True)
                row.name = str(int(row.name) + 1)

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert get_project(project.id).name == "40"


def test_a_page_reads_while_the_worker_writes():
    project = create_project("before")
    with writing() as session:
        project_row(session, project.id).name = "after"
        session.flush()
        assert get_project(project.id).name == "before"
    assert get_project(project.id).name == "after"


def rename_and_fail(project):
    with writing() as session:
        project_row(session, project.id).name = "after"
        session.flush()
        raise ZeroDivisionError


def test_a_block_that_raises_changes_nothing():
    project = create_project("before")
    with pytest.raises(ZeroDivisionError):
        rename_and_fail(project)
    assert get_project(project.id).name == "before"


def test_sqlite_is_set_up_for_several_processes(database):
    if database != "sqlite":
        pytest.skip("pragmas are SQLite's")
    with reading() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
        assert session.scalar(text("PRAGMA busy_timeout")) >= 10_000


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql+psycopg://user:secret@127.0.0.1:1/none", "127.0.0.1"),
        ("nosuchdatabase://here", "postgresql"),
        ("not a url", "postgresql"),
        ("sqlite:////proc/nowhere/cellapp.db", "CELLAPP_HOME"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_in_one_line_without_its_password(url, words, monkeypatch):
    monkeypatch.setenv("CELLAPP_DATABASE_URL", url)
    app_settings.cache_clear()
    with pytest.raises(StoreError) as caught:
        check_database()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_the_database_in_use_is_named_without_its_password(database):
    assert database[:6] in check_database()
