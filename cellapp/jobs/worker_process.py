"""The worker process of this CELLAPP_HOME: whether one is alive, how one is started, its signals and its log.

A small file names the process. A killed process leaves the file behind, so that the file counts only while a process of
that number and start time is alive on this host. A lock makes reading and writing the file one step.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType

import psutil
from filelock import FileLock

from cellapp.config import REPOSITORY, app_settings
from cellapp.files import atomic_write
from cellapp.store.blobs import home_folder

_CLOCK_SLACK_S = 5.0  # the system derives a process's start from the boot time, which moves when the clock is set


def worker_command(server: int) -> tuple[str, ...]:
    """Return how a worker is started that stays for the process of that number, see `cellapp.jobs.standby`."""
    idle_s = app_settings().worker.idle_seconds
    return (sys.executable, "-m", "cellapp", "worker", "--idle-s", str(idle_s), "--server", str(server))


def ensure_worker(command: Sequence[str] | None = None) -> int | None:
    """Start a worker process when none is alive; it outlives the caller until no work is left.

    Parameters
    ----------
    command : sequence of str, optional
        What to start, a program and its arguments; the worker of this process when left out.

    Returns
    -------
    int or None
        The number of the process that was started, None when one was alive already.
    """
    with _lock():
        if _alive() is not None:
            return None
        process = _start(command or worker_command(os.getpid()))
        _write(process.pid)
        return process.pid


def living_worker() -> int | None:
    """Return the process number of the worker of this home, None when there is none."""
    with _lock():
        return _alive()


def announce() -> bool:
    """Register this process as the worker; returns False when another one is registered and alive."""
    with _lock():
        if _alive() not in (None, os.getpid()):
            return False
        _write(os.getpid())
        return True


def withdraw(*, unless: Callable[[], bool] = lambda: False) -> bool:
    """Remove the registration of this process as the worker.

    Parameters
    ----------
    unless : callable
        Called under the lock; True keeps the registration. A job queued before `ensure_worker` is called either is seen
        here, or the caller sees that no worker is left: no job waits for a worker that has just ended.

    Returns
    -------
    bool
        Whether the registration is removed.
    """
    with _lock():
        if unless():
            return False
        if _alive() == os.getpid():
            _path().unlink(missing_ok=True)
        return True


def _lock() -> FileLock:
    return FileLock(home_folder() / "worker.lock")


def _path() -> Path:
    return home_folder() / "worker.json"


def _write(pid: int) -> None:
    try:
        created = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:  # it died at once; the file will name no living process
        created = 0.0
    with atomic_write(_path()) as part:
        part.write_text(json.dumps({"pid": pid, "created": created, "host": socket.gethostname()}))


def _alive() -> int | None:
    try:
        worker = json.loads(_path().read_text())
        process = psutil.Process(worker["pid"])
        same_start = abs(process.create_time() - worker["created"]) < _CLOCK_SLACK_S
        alive = same_start and worker["host"] == socket.gethostname() and process.status() != psutil.STATUS_ZOMBIE
        return process.pid if alive else None
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):  # no file, a damaged one, no such process
        return None


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a process that outlives terminal and app, in this working folder, for relative paths in settings."""
    paths = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
    with (home_folder("logs") / "worker-output.log").open("wb") as output:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
    _give_way(process.pid)
    return process


def _give_way(pid: int) -> None:
    """Let a process, and what it will start, compute behind others: somebody waits for a page, a run takes minutes."""
    with suppress(psutil.Error):  # it died at once, or the system does not let us
        psutil.Process(pid).nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if psutil.WINDOWS else 10)


def log_path(name: str) -> Path:
    """Return the file of the log of that name."""
    return home_folder("logs") / f"{name}.log"


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Give an event that SIGTERM and Ctrl-C set; a second signal ends the process at once."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # only the main thread may handle signals
        yield stop
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def ask(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, ask)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def logging_to_file(logger: logging.Logger, name: str) -> Iterator[None]:
    """Write the messages of `logger` to the log of that name, 5 MB at most and two older ones."""
    handler = RotatingFileHandler(log_path(name), maxBytes=5_000_000, backupCount=2)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
