"""When a worker that the app has started leaves although it might wait longer.

A worker that waits holds a few hundred megabytes and the program as it was when it started. It leaves when files of the
program have changed, when memory is short, and when the server that started it is gone.
"""

from __future__ import annotations

import hashlib
import os
import sysconfig
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import psutil

from cellapp.compute.machine import free_memory_bytes, memory_bytes
from cellapp.config import REPOSITORY, app_settings
from cellapp.errors import CellappError
from cellapp.jobs import worker_process

_LOOK_EVERY_S = 5.0  # at the program's files, while nothing is to do
_SHORT = 0.1  # share of the memory that is free: a worker without work leaves
_AMPLE = 0.2  # and one is started before there is work; more than the other, so that none comes and goes in turn
_asked_s = float("-inf")


def program_stamp() -> str:
    """Return a digest that changes with the files of the program, its models and the installed libraries.

    Sizes and times of the files are read, not their content.
    """
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    found = [(folder, os.stat(folder).st_mtime_ns) for folder in sorted(libraries) if os.path.isdir(folder)]
    for part in ("cellapp", "models"):
        for folder, inside, files in os.walk(REPOSITORY / part):
            inside[:] = [name for name in inside if name != "__pycache__"]
            found += [_stamp_of(Path(folder, name)) for name in files]
    return hashlib.sha256(repr(sorted(found)).encode()).hexdigest()


def _stamp_of(file: Path) -> tuple[str, int]:
    try:
        state = file.stat()
    except OSError:  # replaced at this moment
        return str(file), -1
    return str(file), state.st_mtime_ns * 31 + state.st_size


@dataclass
class Standby:
    """Says whether a worker without work should leave; made where the process that is to leave begins."""

    server: int  # number of the process that started it
    _stamp: str = field(default_factory=program_stamp)
    _outdated: bool = False
    _looked_s: float = field(default_factory=time.monotonic)

    @cached_property
    def _process(self) -> psutil.Process | None:
        """The server; it remembers when it started, as its number may be given to another process."""
        try:
            return psutil.Process(self.server)
        except psutil.Error:
            return None

    def outdated(self) -> bool:
        """Whether files of the program are others than at the start; looks at once."""
        self._looked_s = time.monotonic()
        self._outdated = self._outdated or program_stamp() != self._stamp
        return self._outdated

    def leaves(self) -> bool:
        """Whether to leave, as nothing is to do."""
        if not _lives(self._process) or free_memory_bytes() < _SHORT * memory_bytes():
            return True
        return time.monotonic() - self._looked_s >= _LOOK_EVERY_S and self.outdated()


def start_early(every_s: float = 30.0) -> None:
    """Start the worker before there is work, so that the first job finds the program imported.

    Parameters
    ----------
    every_s : float
        Look whether one is alive at most so often; visits between two looks cost nothing.
    """
    global _asked_s
    now_s = time.monotonic()
    if now_s - _asked_s < every_s or not app_settings().worker.start_early:
        return
    _asked_s = now_s
    with suppress(CellappError, OSError):  # whoever asks for work is told what is wrong
        if free_memory_bytes() >= _AMPLE * memory_bytes():
            worker_process.ensure_worker()


def _lives(process: psutil.Process | None) -> bool:
    try:
        return process is not None and process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
