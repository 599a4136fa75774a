"""Which requests this server answers: those that a page of its own, or a program, sent to one of its own names.

Until there is sign-in, whoever reaches the port sees everything; a visitor's browser reaches it too, on behalf of any
web page. Two kinds of such pages are turned away here, for pages, API and WebSocket alike:

- One whose own name was pointed to this machine (DNS rebinding): the ``Host`` of its requests is that name. A numeric
  address cannot be pointed anywhere else, so every numeric ``Host`` is one of ours.
- One from elsewhere that sends a form or opens a WebSocket: browsers name the page in ``Origin``; it is not ``Host``.

Programs send no ``Origin``. Behind a proxy that renames hosts, CELLAPP_HOSTS lists the names that visitors type.
"""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from cellapp.config import app_settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]

_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


class OnlyOwnHosts:
    """ASGI middleware that refuses what `refusal` refuses, with status 403 and one sentence."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        sentence = refusal(headers)
        if sentence is None:
            return await self._app(scope, receive, send)
        if scope["type"] == "websocket":  # closed before it is accepted: the browser is told 403
            return await send({"type": "websocket.close", "code": 1008, "reason": sentence[:100]})
        body = json.dumps({"error": sentence}).encode()
        kind, length = (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": 403, "headers": [kind, length]})
        return await send({"type": "http.response.body", "body": body})


def refusal(headers: Mapping[str, str]) -> str | None:
    """Return why a request is refused, in one sentence; None where it is answered.

    Parameters
    ----------
    headers : mapping of str to str
        Of the request, names in lower case.
    """
    host = _split(f"//{headers.get('host', '')}")
    if host is None or not _is_own(host.hostname or ""):
        return (
            f"this server does not answer to the name {_shown(headers.get('host', ''))}: "
            "open it by its address, or list the name in CELLAPP_HOSTS"
        )
    origin = headers.get("origin")
    if origin is None or _same_place(origin, host):
        return None
    return (
        f"a page of {_shown(origin)} may not use this server: open the app at its own address, "
        "or list the name that visitors type in CELLAPP_HOSTS"
    )


def is_loopback(address: str) -> bool:
    """Return whether only this machine reaches what listens on an address (a number, or ``localhost``)."""
    number = _number(address)
    return address.lower() == "localhost" if number is None else number.is_loopback


def _is_own(name: str) -> bool:
    return _number(name) is not None or name.rstrip(".") in _own_names()


def _own_names() -> set[str]:
    machine = socket.gethostname().lower()
    listed = {name.lower() for name in app_settings().hosts}
    return {"localhost", machine, machine.split(".")[0], f"{machine.split('.')[0]}.local"} | listed


def _same_place(origin: str, host: SplitResult) -> bool:
    page = _split(origin)
    if page is None or page.hostname is None:  # "null" is a page without a place: a sandboxed frame, a file
        return False
    if page.hostname in {name.lower() for name in app_settings().hosts}:
        return True
    port = _DEFAULT_PORTS.get(page.scheme)
    return page.hostname == host.hostname and (page.port or port) == (host.port or port)


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _number(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")
