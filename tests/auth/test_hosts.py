"""Only pages of this server and programs use it: no page whose name was pointed here, none from elsewhere."""

import asyncio
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from cellapp.auth.hosts import OnlyOwnHosts, is_loopback, refusal
from cellapp.config import app_settings

OWN = [
    "localhost:8501",
    "LOCALHOST",
    "127.0.0.1:8501",
    "[::1]:8501",
    "192.168.1.20:8501",
    "10.0.0.5",
    socket.gethostname(),
]
FOREIGN = [
    "evil.example:8501",
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example:8501",
    "",
    "a b",
    "[::1",
    "x:port",
]


@pytest.mark.parametrize("host", OWN)
def test_own_names_and_numbers_are_answered(host):
    assert refusal({"host": host}) is None
    assert refusal({"host": host, "origin": f"http://{host}"}) is None


@pytest.mark.parametrize("host", FOREIGN)
def test_a_name_that_was_pointed_here_is_refused(host):
    said = refusal({"host": host})
    assert "CELLAPP_HOSTS" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "http://localhost:3000",
        "http://127.0.0.1:8501",
        "file://",
        "https://localhost:8502",
        "",
    ],
)
def test_a_page_from_elsewhere_is_refused(origin):
    assert repr(origin) in refusal({"host": "localhost:8501", "origin": origin})


@pytest.mark.parametrize(
    ("host", "origin"),
    [("localhost", "http://localhost:80"), ("localhost:443", "https://localhost"), ("10.1.1.1", "http://10.1.1.1")],
)
def test_the_usual_port_need_not_be_written(host, origin):
    assert refusal({"host": host, "origin": origin}) is None


@given(st.from_regex(r"[a-z]{1,8}(\.[a-z]{2,6}){1,3}", fullmatch=True).filter(lambda name: not name.endswith(".local")))
def test_no_name_of_others_is_answered(name):
    machine = socket.gethostname().lower()
    assert (refusal({"host": name}) is None) == (name in (machine, machine.split(".")[0]))
    assert refusal({"host": "127.0.0.1:8501", "origin": f"https://{name}"})


def test_names_given_for_a_proxy_are_answered(monkeypatch):
    monkeypatch.setenv("CELLAPP_HOSTS", "cells.example.org, Lab.example.org")
    app_settings.cache_clear()
    assert refusal({"host": "cells.example.org", "origin": "https://cells.example.org"}) is None
    assert refusal({"host": "127.0.0.1:8501", "origin": "https://lab.example.org"}) is None
    assert refusal({"host": "other.example.org"})


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("127.8.8.8", True),
        ("0.0.0.0", False),
        ("::", False),
        ("lab", False),
    ],
)
def test_what_only_this_machine_reaches(address, loopback):
    assert is_loopback(address) is loopback


@pytest.fixture
def client():
    async def accept(websocket):
        await websocket.accept()
        await websocket.close()

    routes = [Route("/", lambda _: PlainTextResponse("in"), methods=["GET", "POST"]), WebSocketRoute("/ws", accept)]
    return TestClient(OnlyOwnHosts(Starlette(routes=routes)), base_url="http://localhost:8501")


def test_requests_and_websockets_are_stopped_before_the_app(client):
    assert client.get("/").text == "in"
    with client.websocket_connect("ws://localhost:8501/ws"):
        pass
    for headers in ({"host": "evil.example"}, {"origin": "http://evil.example"}):
        answer = client.post("/", headers=headers)
        assert answer.status_code == 403
        assert "CELLAPP_HOSTS" in answer.json()["error"]
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("ws://localhost:8501/ws", headers=headers):
            pass


def test_the_start_and_end_of_a_server_are_no_requests():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    asyncio.run(OnlyOwnHosts(app)({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]
