"""Files that a browser sends to a page: written to disk as they arrive, and taken from there by the page.

The page knows a file by the id under which the browser sends it. A file that no page takes is deleted by the sweep of
`cellapp.store.staging`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import IO

from cellapp.config import app_settings
from cellapp.errors import StoreError, disk_sentence
from cellapp.store.bin import delete_path
from cellapp.store.blobs import home_folder, without_home

_CHUNK = 1 << 20
_arrived: dict[str, ArrivedFile] = {}
_lock = Lock()


@dataclass(frozen=True)
class ArrivedFile:
    """A file as it was sent, of which no more is kept than a file may have."""

    path: Path
    n_bytes: int  # that were sent
    problem: str = ""  # why it is not whole, as a sentence

    def chunks(self) -> Iterator[bytes]:
        """Read it piece by piece.

        Raises
        ------
        StoreError
            The disk had no room for it.
        """
        if self.problem:
            raise StoreError(self.problem)
        with self.path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk


class ArrivingFile:
    """A file while it is being sent; `end` makes it known under its id."""

    def __init__(self, file_id: str) -> None:
        self._id, self._n_bytes, self._problem = file_id, 0, ""
        self._path = home_folder("files", "incoming") / uuid.uuid4().hex
        self._file: IO[bytes] = self._path.open("wb")

    def write(self, chunk: bytes) -> None:
        """Add what came; what is beyond the budget of a file, or has no room on the disk, is dropped."""
        room = app_settings().budget.max_file_bytes + 1 - self._n_bytes  # one more, by which the page sees it
        self._n_bytes += len(chunk)
        if self._problem or room <= 0:
            return
        try:
            self._file.write(chunk[:room])
        except OSError as error:
            self._problem = without_home(disk_sentence(error))

    def end(self) -> ArrivedFile:
        """Close the file and make it known."""
        self._close()
        file = ArrivedFile(self._path, self._n_bytes, self._problem)
        with _lock:
            before = _arrived.pop(self._id, None)
            _arrived[self._id] = file
        if before is not None:
            delete_path(before.path)
        return file

    def give_up(self) -> None:
        """Delete what came of a file that was not sent to its end."""
        self._close()
        delete_path(self._path)

    def _close(self) -> None:
        try:
            self._file.close()
        except OSError as error:  # the last bytes had no room
            self._problem = self._problem or without_home(disk_sentence(error))


def arrived(file_id: str) -> ArrivedFile | None:
    """Return the file sent under an id; None where none was."""
    with _lock:
        return _arrived.get(file_id)


def let_go(file_id: str) -> None:
    """Delete the file sent under an id, if any."""
    with _lock:
        file = _arrived.pop(file_id, None)
    if file is not None:
        delete_path(file.path)
