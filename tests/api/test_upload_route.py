"""Uploads that cannot be taken are refused before their bytes are."""

import asyncio
import json

import pytest

from cellapp.api.app import api
from cellapp.config import app_settings

PIECE = b"x" * 2**16
HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.tif"\r\n\r\n'


def send(query: str, pieces: int, **headers: str) -> tuple[int, dict, int]:
    """Post a body piece by piece; return the status, the answer and how many pieces were taken."""
    taken, said = [], []

    async def receive():
        taken.append(1)
        body = HEAD if len(taken) == 1 else PIECE
        return {"type": "http.request", "body": body, "more_body": len(taken) < pieces}

    async def answer(message):
        said.append(message)

    named = {"content-type": "multipart/form-data; boundary=b", **headers}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/images",
        "raw_path": b"/images",
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("testserver", 80),
        "client": ("testclient", 1),
    }
    asyncio.run(api(scope, receive, answer))
    return said[0]["status"], json.loads(said[1]["body"]), len(taken)


@pytest.fixture
def small(monkeypatch):
    """Files of at most 100,000 bytes."""
    monkeypatch.setenv("CELLAPP_BUDGET__MAX_FILE_BYTES", "100000")
    app_settings.cache_clear()


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [("project=none", 404, "no project"), ("scene=x", 422, "scene"), ("time=0", 422, "time point")],
)
def test_what_the_address_tells_is_refused_without_the_body(query, status, words):
    found, answer, taken = send(query, 100)
    assert (found, taken) == (status, 0)
    assert words in answer["error"]


def test_a_body_that_says_it_is_too_long_is_not_read(small):
    status, answer, taken = send("", 100, content_length="50000000")
    assert (status, taken) == (413, 0)
    assert "CELLAPP_BUDGET__MAX_FILE_BYTES" in answer["error"]


def test_a_body_that_does_not_say_how_long_it_is_is_read_up_to_the_limit(small):
    status, answer, taken = send("", 10_000)
    assert status == 413
    assert taken * len(PIECE) < 100_000 + 2**20 + 3 * len(PIECE)
    assert "CELLAPP_BUDGET__MAX_FILE_BYTES" in answer["error"]


def test_no_length_at_all_and_one_that_is_no_number_are_no_fault_of_the_server(small):
    assert send("", 3, content_length="many")[0] in (400, 422)
