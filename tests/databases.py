"""The store's tests run on every database it claims to work with."""

import os
import uuid

import psycopg
import pytest
from sqlalchemy import make_url

from cellapp.config import app_settings
from cellapp.store.database import dispose


@pytest.fixture(scope="session")
def postgres_url():
    """A database on the server named by CELLAPP_TEST_POSTGRES, dropped at the end."""
    server = os.environ.get("CELLAPP_TEST_POSTGRES")
    if not server:
        pytest.skip("no PostgreSQL server: CELLAPP_TEST_POSTGRES is not set")
    url, name = make_url(server), f"cellapp_test_{uuid.uuid4().hex}"
    with psycopg.connect(_for_driver(url), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        yield url.set(database=name)
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request, home, monkeypatch):
    """An empty database for each test: SQLite in the test's home, or PostgreSQL swept clean."""
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
        with psycopg.connect(_for_driver(url), autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        monkeypatch.setenv("CELLAPP_DATABASE_URL", url.render_as_string(hide_password=False))
        app_settings.cache_clear()
    yield request.param
    dispose()


def _for_driver(url):
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
