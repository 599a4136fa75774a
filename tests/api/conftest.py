"""The API without a server, and without a worker that takes its jobs."""

import pytest
from fastapi.testclient import TestClient

from cellapp.api.app import api
from cellapp.jobs import worker_process
from cellapp.store import database


@pytest.fixture
def client(monkeypatch):
    """Ask the API; what it queues stays in the queue until a test runs it."""
    monkeypatch.setattr(worker_process, "ensure_worker", lambda: None)
    yield TestClient(api)
    database.dispose()
