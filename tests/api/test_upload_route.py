"""Uploads that cannot be taken are refused before their bytes are."""

import asyncio
import json
from tempfile import gettempdir

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from cellapp.api import app as app_module
from cellapp.api.app import api
from cellapp.config import app_settings
from cellapp.store.projects import default_project
from cellapp.store.uploads import add_image

PIECE = b"x" * 2**16
HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.tif"\r\n\r\n'


def send(query: str, pieces: int, path: str = "/images", **headers: str) -> tuple[int, dict, int]:
    """Post a body piece by piece; return the status, the answer and how many pieces were taken."""
    taken, said = [], []

    async def receive():
        taken.append(1)
        body = HEAD if len(taken) == 1 else PIECE
        return {"type": "http.request", "body": body, "more_body": len(taken) < pieces}

    async def answer(message):
        said.append(message)

    named = {"content_type": "multipart/form-data; boundary=b", **headers}
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
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


def test_a_body_that_is_read_into_memory_has_a_limit_of_its_own():
    most = app_module._MOST_BODY_BYTES
    status, answer, taken = send("", 10_000, path="/runs", content_type="application/json")
    assert status == 413
    assert f"{most:,} bytes" in answer["error"]
    assert taken * len(PIECE) < most + 3 * len(PIECE)


def test_files_may_be_longer_than_what_is_read_into_memory():
    pieces = app_module._MOST_BODY_BYTES // len(PIECE) + 10
    status, answer, taken = send("", pieces)
    assert taken == pieces
    assert status != 413


@pytest.mark.parametrize(
    ("name", "words"),
    [*((name, "no file with labels") for name in ("..", ".", "\u200b..", "a/.."))]
    + [("a.json", "nested deeper"), ("a.geojson", "nested deeper"), ("a.csv", ": a.csv has 400,000 letters")],
)
def test_hostile_files_of_labels_are_told_without_their_place_on_the_server(tmp_path, name, words):
    Image.new("L", (9, 8)).save(tmp_path / "a.png")
    image = add_image(default_project().id, tmp_path / "a.png", "a.png")
    content = b"[" * 200_000 + b"]" * 200_000
    answer = TestClient(api).post(f"/projects/{image.project_id}/outlines", files={"files": (name, content)})
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert gettempdir() not in answer.json()["error"]


def test_half_a_letter_is_told_and_every_refusal_has_one_form():
    client = TestClient(api)
    content = '{"image_ids": ["\\ud800"], "settings": {}}'
    surrogate = client.post("/runs", content=content, headers={"content-type": "application/json"})
    assert (surrogate.status_code, "surrogate" in surrogate.json()["error"]) == (422, True)
    for answer in (client.get("/no/such/route"), client.get("/runs/none"), client.delete("/runs")):
        assert set(answer.json()) == {"error"}
