"""Digests of files that another process has computed: a worker need not read a whole slide to open it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FileDigest:
    """The sha256 of a file as it was, hexadecimal."""

    path: Path
    size: int  # bytes
    changed_ns: int
    digest: str


_noted: ContextVar[list[FileDigest] | None] = ContextVar("noted", default=None)
_known: dict[Path, FileDigest] = {}


@contextmanager
def noting_digests() -> Iterator[list[FileDigest]]:
    """Give the list of what is computed in the block, to be sent to other processes."""
    found: list[FileDigest] = []
    token = _noted.set(found)
    try:
        yield found
    finally:
        _noted.reset(token)


def believe(digests: Iterable[FileDigest]) -> None:
    """Take digests from another process, for files that have the same size and time of change here."""
    _known.update((digest.path, digest) for digest in digests)


def known_digest(path: Path) -> str | None:
    """Return the digest of a file that another process has told; None where it has not, or the file is another."""
    told = _known.get(path)
    return told.digest if told is not None and told == _as_it_is(path, told.digest) else None


def note_digest(path: Path, digest: str) -> None:
    """Note the digest of a file that was just read; of a folder nothing is noted, as its time of change says little."""
    found = _noted.get()
    if found is not None and path.is_file():
        found.append(_as_it_is(path, digest))


def _as_it_is(path: Path, digest: str) -> FileDigest:
    state = path.stat()
    return FileDigest(path, state.st_size, state.st_mtime_ns, digest)
