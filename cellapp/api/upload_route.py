"""A route that takes files: what can be refused without them is, and a body that is too long is not read to its end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi import APIRouter, Request, Response, UploadFile
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.types import Message

from cellapp.config import app_settings
from cellapp.errors import BudgetError, CellappError, InputError
from cellapp.files import clean_name
from cellapp.images.choice import parse_number
from cellapp.store.projects import get_project

_CHUNK = 2**20
_FORM_BYTES = 2**20  # of a body beside the file: names and limits of its parts


class UploadRoute(APIRoute):
    """Looks at address and headers, then counts the body, before FastAPI spools it for the endpoint."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, with the checks before it."""
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            await run_in_threadpool(_check_query, request)
            body = _Counted(request)
            length = request.headers.get("content-length", "")
            _check_length(int(length) if length.isdecimal() else 0)
            try:
                return await handle(Request(request.scope, body.receive))
            except Exception:
                if body.error is not None:  # FastAPI makes of it that the body could not be parsed
                    raise body.error from None
                raise

        return checked


def upload_router(**how: Any) -> APIRouter:
    """Return a router of such routes, which alone may take more than the API reads into memory; see `APIRouter`."""
    return APIRouter(route_class=UploadRoute, max_body_size=sys.maxsize, **how)


@contextmanager
def received(files: Sequence[UploadFile], unnamed: str) -> Iterator[list[Path]]:
    """Give uploaded files under the names they were sent with, in a folder that vanishes.

    Parameters
    ----------
    files : sequence of UploadFile
    unnamed : str
        Name of a file without one.

    Raises
    ------
    InputError
        When two files have one name. What is raised of a file does not tell where on the server it lay.
    """
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / clean_name(file.filename or unnamed) for file in files]
        if len(set(paths)) < len(paths):
            raise InputError("two files have the same name; call each file of labels like its image")
        for path, file in zip(paths, files, strict=True):
            with path.open("wb") as stream:
                stream.writelines(chunks(file))
        try:
            yield paths
        except CellappError as error:
            raise type(error)(str(error).replace(f"{folder}/", "")) from error


def chunks(file: UploadFile) -> Iterator[bytes]:
    """Read an uploaded file piece by piece."""
    while chunk := file.file.read(_CHUNK):
        yield chunk


class _Counted:
    """The body of a request, up to the limit of a file."""

    def __init__(self, request: Request) -> None:
        self._receive, self._n_bytes = request.receive, 0
        self.error: BudgetError | None = None

    async def receive(self) -> Message:
        """Take the next piece."""
        message = await self._receive()
        self._n_bytes += len(message.get("body", b""))
        try:
            _check_length(self._n_bytes)
        except BudgetError as error:
            self.error = error
            raise
        return message


def _check_query(request: Request) -> None:
    """Refuse a project that is not there, and numbers that are none."""
    query = request.query_params
    if project := query.get("project"):
        get_project(project)
    for name, what in (("scene", "scene"), ("time", "time point")):
        parse_number(query.get(name, "all"), what)


def _check_length(n_bytes: int) -> None:
    most = app_settings().budget.max_file_bytes
    if n_bytes > most + _FORM_BYTES:
        raise BudgetError(
            f"a file may have {most:,} bytes and this one has more; raise CELLAPP_BUDGET__MAX_FILE_BYTES to let it in"
        )
