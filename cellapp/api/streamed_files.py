"""Files for pages go to disk piece by piece, as those of the API do: Streamlit would hold each in memory as a whole.

Streamlit's own route stays in charge: it checks who sends and reads the body. What it reads here is the same form with
an empty file; the content is found under the file's id, see `cellapp.store.arriving`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool

from cellapp.store.arriving import ArrivingFile, let_go

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]

_AT_ONCE = 1 << 20  # bytes written in one go
_ROUTE = re.compile(r"/_stcore/upload_file/[^/]+/(?P<file_id>[^/]+)$")


class StreamedFiles:
    """ASGI middleware that takes the content out of what browsers send to Streamlit's upload route."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        route = _ROUTE.search(scope["path"]) if scope["type"] == "http" else None
        if route is None:
            return await self._app(scope, receive, send)
        boundary = _boundary(scope) if scope["method"] == "PUT" else b""
        if not boundary and scope["method"] != "DELETE":
            return await self._app(scope, receive, send)
        form = _Form(boundary, route["file_id"], receive) if boundary else None
        done = partial(form.end, taken=True) if form else partial(let_go, route["file_id"])

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 300:
                # The file is known, or gone, before the browser hears of it; what Streamlit refuses changes nothing.
                await run_in_threadpool(done)
            await send(message)

        try:
            return await self._app(scope, form.receive if form else receive, answer)
        finally:
            if form:
                await run_in_threadpool(form.end, taken=False)


class _Form:
    """The body of one request, of which the content of the file is written to disk."""

    def __init__(self, boundary: bytes, file_id: str, receive: Receive) -> None:
        self._receive, self._file_id, self._boundary = receive, file_id, boundary
        self._left = bytearray()  # of the form: everything but the content
        self._file: ArrivingFile | None = None
        self._in_value = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": lambda: self._keep(b"--" + boundary + b"\r\n"),
                "on_header_field": self._keep,
                "on_header_value": self._keep_value,
                "on_header_end": self._end_header,
                "on_headers_finished": lambda: self._keep(b"\r\n"),
                "on_part_data": self._write,
                "on_part_end": lambda: self._keep(b"\r\n"),
                "on_end": lambda: self._keep(b"--" + boundary + b"--\r\n"),
            },
        )

    async def receive(self) -> Message:
        """Take the next pieces and hand on what is left of them."""
        pieces = bytearray()
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                return message
            pieces += message.get("body", b"")
            if len(pieces) >= _AT_ONCE or not message.get("more_body"):
                break
        left = await run_in_threadpool(self._take, bytes(pieces))
        return {**message, "body": left}

    def end(self, *, taken: bool) -> None:
        """Make the file known, or delete what came of one that was refused or not sent to its end."""
        if self._file is not None:
            self._file.end() if taken else self._file.give_up()
            self._file = None

    def _take(self, pieces: bytes) -> bytes:
        try:
            self._parser.write(pieces)
        except FormParserError:  # no form: Streamlit says so
            self._keep(pieces)
        left = bytes(self._left)
        self._left.clear()
        return left

    def _keep(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self._left += data[start:end]

    def _keep_value(self, data: bytes, start: int, end: int) -> None:
        self._keep(data[start:end] if self._in_value else b": " + data[start:end])
        self._in_value = True

    def _end_header(self) -> None:
        self._keep(b"\r\n")
        self._in_value = False

    def _write(self, data: bytes, start: int, end: int) -> None:
        if self._file is None:
            self._file = ArrivingFile(self._file_id)
        self._file.write(data[start:end])


def _boundary(scope: Message) -> bytes:
    headers = {name.lower(): value for name, value in scope["headers"]}
    kind, options = parse_options_header(headers.get(b"content-type", b""))
    return options.get(b"boundary", b"") if kind == b"multipart/form-data" else b""
