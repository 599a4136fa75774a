"""Images that ended a worker: a note of each by its content, so that no process decodes it again unasked.

A worker tries such an image once more. After that, and in the server from the first time on, it is refused in words,
until the limits of jobs (``CELLAPP_JOB__*``) are raised.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from cellapp.compute.machine import memory_bytes
from cellapp.config import app_settings
from cellapp.errors import InputError
from cellapp.files import atomic_write
from cellapp.store.blobs import home_folder

MOST_TRIES = 2
"""How often an image may end a worker."""
RAISE_LIMITS = "raise CELLAPP_JOB__MEMORY_BYTES, CELLAPP_JOB__SECONDS or CELLAPP_JOB__STEP_SECONDS"
"""The way out, in the words of a message."""
_SHARE_OF_MEMORY = 0.75

_tell: list[Callable[[str], None]] = []


@dataclass(frozen=True)
class Limits:
    """What one job may take."""

    memory_bytes: int
    seconds: float
    step_seconds: float


@dataclass(frozen=True)
class _Note:
    times: int
    why: str
    limits: Limits


_AS_JSON = TypeAdapter(_Note)


def job_limits() -> Limits:
    """Return the limits in force; of memory three quarters of the machine's where none is set."""
    job = app_settings().job
    return Limits(job.memory_bytes or int(_SHARE_OF_MEMORY * memory_bytes()), job.seconds, job.step_seconds)


@contextmanager
def telling(tell: Callable[[str], None]) -> Iterator[None]:
    """Have `opening` tell which image is in hand, by its digest, while the block runs: this process is a worker's."""
    _tell.append(tell)
    try:
        yield
    finally:
        _tell.remove(tell)


def opening(digest: str, name: str) -> None:
    """Say that an image is about to be decoded.

    Parameters
    ----------
    digest : str
        Of the image; empty when the one in hand is done.
    name : str
        For the message.

    Raises
    ------
    InputError
        When it has ended a worker: in a worker twice, elsewhere once.
    """
    note = _read(digest, job_limits()) if digest else None
    if note and note.times >= (MOST_TRIES if _tell else 1):
        raise InputError(
            f"{name!r} ended the process that read it ({note.why}) and is not read again: export a smaller region, or "
            f"in tiles, or {RAISE_LIMITS}"
        )
    for tell in _tell:
        tell(digest)


def note_end(digest: str, why: str, limits: Limits) -> int:
    """Note that an image ended a worker; returns how often it has."""
    before = _read(digest, limits)
    note = _Note((before.times if before else 0) + 1, why, limits)
    with atomic_write(_path(digest)) as part:
        part.write_bytes(_AS_JSON.dump_json(note))
    return note.times


def _read(digest: str, now: Limits) -> _Note | None:
    """Return the note of an image; None, too, where more is allowed by now than it took."""
    try:
        note = _AS_JSON.validate_json(_path(digest).read_bytes())
    except (OSError, ValidationError):
        return None
    then = note.limits
    raised = now.memory_bytes > 1.1 * then.memory_bytes or now.seconds > then.seconds
    return None if raised or now.step_seconds > then.step_seconds else note


def _path(digest: str) -> Path:
    return home_folder("costly") / f"{re.sub('[^0-9a-f]', '', digest)[:64]}.json"
