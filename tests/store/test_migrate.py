"""Databases are brought to this version's tables, and nothing is lost on the way."""

import pytest
from sqlalchemy import create_engine, inspect, text

from cellapp.errors import StoreError
from cellapp.store.migrate import head_revision, migrate, migration_config, revision_of
from cellapp.store.schema import Base


@pytest.fixture(autouse=True)
def _on_every_database():
    """SQLite files are enough here; tests/store/test_database.py migrates each kind of database."""


@pytest.fixture
def empty(tmp_path):
    made = create_engine(f"sqlite:///{tmp_path / 'new.db'}")
    yield made
    made.dispose()


def test_an_empty_database_gets_every_table_and_the_newest_revision(empty):
    assert revision_of(empty) is None
    migrate(empty)
    assert revision_of(empty) == head_revision()
    assert set(inspect(empty).get_table_names()) == set(Base.metadata.tables) | {"alembic_version"}


def test_rows_stay_when_a_database_is_migrated_again(empty):
    migrate(empty)
    with empty.begin() as connection:
        connection.execute(
            text("INSERT INTO projects (id, name, channels, created) VALUES ('a', 'b', '{}', '2026-01-01')")
        )
    migrate(empty)
    with empty.connect() as connection:
        assert connection.execute(text("SELECT name FROM projects")).scalars().all() == ["b"]


def test_a_newer_database_is_refused_and_left_as_it_is(empty):
    migrate(empty)
    with empty.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'future'"))
    with pytest.raises(StoreError, match=r"revision future of a newer cellapp.*CELLAPP_HOME"):
        migrate(empty)
    assert revision_of(empty) == "future"


def test_a_database_in_memory_is_migrated_too():
    made = create_engine("sqlite://")
    migrate(made)
    assert revision_of(made) == head_revision()
    made.dispose()


def test_folders_with_a_percent_sign_are_no_placeholders(monkeypatch, tmp_path):
    monkeypatch.setattr("cellapp.store.migrate._FOLDER", tmp_path / "100%(done)s")
    assert migration_config().get_main_option("script_location") == str(tmp_path / "100%(done)s")
