"""What browsers send to a page lands on disk whole, and Streamlit's own route sees the form without the content."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from cellapp.api.streamed_files import StreamedFiles
from cellapp.config import app_settings
from cellapp.errors import StoreError
from cellapp.store import arriving
from cellapp.store.blobs import home_folder

ADDRESS = "/_stcore/upload_file/session/one"


async def streamlits_route(request: Request) -> Response:
    if request.headers.get("refuse"):
        return Response(status_code=400)  # before it reads the body
    if request.method == "DELETE":
        return Response(status_code=204)
    form = await request.form()
    files = [value for value in form.values() if isinstance(value, UploadFile)]
    if len(files) != 1:
        return Response(status_code=400)
    known = arriving.arrived(request.path_params["file_id"]) is not None
    seen = {"name": files[0].filename, "type": files[0].content_type, "length": len(await files[0].read())}
    return JSONResponse(seen | {"known": known})


@pytest.fixture
def client():
    route = Route("/_stcore/upload_file/{session_id}/{file_id}", streamlits_route, methods=["PUT", "DELETE"])
    yield TestClient(StreamedFiles(Starlette(routes=[route])))
    arriving.let_go("one")


def send(client, content, **headers):
    return client.put(ADDRESS, files={"file": ("cells ü.tif", content, "image/tiff")}, headers=headers)


def waiting():
    return list(home_folder("files", "incoming").iterdir())


def test_the_content_is_on_disk_and_not_in_the_form(client):
    content = bytes(range(256)) * 20_000 + b"\r\n--"
    seen = send(client, content).json()
    assert seen == {"name": "cells ü.tif", "type": "image/tiff", "length": 0, "known": False}
    file = arriving.arrived("one")
    assert file.n_bytes == len(content)
    assert b"".join(file.chunks()) == content
    arriving.let_go("one")
    assert arriving.arrived("one") is None
    assert not waiting()


@settings(max_examples=20, deadline=None)
@given(content=st.binary(min_size=1, max_size=400), cuts=st.lists(st.integers(1, 60), min_size=1, max_size=20))
def test_any_content_in_any_pieces_is_the_same_file(content, cuts):
    body = b"--edge\r\nContent-Disposition: form-data; name=a; filename=b\r\nContent-Type: x/y\r\n\r\n" + content
    body += b"\r\n--edge--\r\n"
    pieces, at = [], 0
    while at < len(body):
        pieces.append(body[at : at + cuts[len(pieces) % len(cuts)]])
        at += len(pieces[-1])
    seen = asyncio.run(answers(pieces))
    if b"\r\n--edge" not in content:
        assert b"".join(arriving.arrived("one").chunks()) == content
        assert seen == body.replace(content + b"\r\n--edge--", b"\r\n--edge--")
    arriving.let_go("one")


async def answers(pieces):
    """Send a body in pieces and return what the app behind the middleware reads of it."""
    seen, waiting_pieces = bytearray(), list(pieces)

    async def app(scope, receive, send):
        more = True
        while more:
            message = await receive()
            seen.extend(message["body"])
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def receive():
        return {"type": "http.request", "body": waiting_pieces.pop(0), "more_body": bool(waiting_pieces)}

    async def send(message):
        pass

    headers = [(b"Content-Type", b"multipart/form-data; boundary=edge")]
    await StreamedFiles(app)({"type": "http", "method": "PUT", "path": ADDRESS, "headers": headers}, receive, send)
    return bytes(seen)


def test_of_what_is_refused_nothing_stays(client):
    assert send(client, b"x" * 100, refuse="yes").status_code == 400
    two = {"a": ("a.tif", b"1"), "b": ("b.tif", b"2")}
    assert client.put(ADDRESS, files=two).status_code == 400
    assert arriving.arrived("one") is None
    assert not waiting()


def test_a_file_that_a_visitor_takes_back_is_deleted(client):
    send(client, b"x" * 100)
    assert client.delete(ADDRESS).status_code == 204
    assert arriving.arrived("one") is None
    assert not waiting()


def test_a_body_that_is_no_form_is_left_to_streamlit(client):
    headers = {"content-type": "multipart/form-data; boundary=edge"}
    assert client.put(ADDRESS, content=b"no form at all", headers=headers).status_code == 400
    assert not waiting()


def test_no_more_is_kept_than_a_file_may_have(client, monkeypatch):
    monkeypatch.setenv("CELLAPP_BUDGET__MAX_FILE_BYTES", "1000")
    app_settings.cache_clear()
    send(client, b"x" * 5000)
    file = arriving.arrived("one")
    assert file.n_bytes == 5000
    assert file.path.stat().st_size == 1001  # one more than allowed, by which the page refuses it


def test_a_full_disk_is_told_to_the_page(client, monkeypatch):
    def full(self, chunk):
        raise OSError(28, "No space left on device")

    file = arriving.ArrivingFile("one")
    monkeypatch.setattr(file, "_file", type("Full", (), {"write": full, "close": lambda self: None})())
    file.write(b"x")
    arrived = file.end()
    with pytest.raises(StoreError, match="disk|space|full"):
        next(arrived.chunks())


def test_a_file_is_deleted_when_streamlit_agrees(client):
    send(client, b"x" * 100)
    client.delete(ADDRESS, headers={"refuse": "yes"})
    assert arriving.arrived("one") is not None
    client.delete(ADDRESS)
    assert arriving.arrived("one") is None
    assert not waiting()
