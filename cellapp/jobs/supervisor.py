"""Keeps a worker at work: in a process of its own, which is ended when its job takes too much, and started again.

Only the job dies, and of a run only the image that it died of: see `cellapp.store.costly_images`.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from cellapp.compute.machine import free_memory_bytes, own_memory_bytes
from cellapp.errors import CellappError, EngineError, StoreError
from cellapp.jobs import queue
from cellapp.jobs.process_end import die_first, kill_family
from cellapp.jobs.standby import Standby
from cellapp.jobs.worker_process import (
    announce,
    ensure_worker,
    logging_to_file,
    stop_on_signals,
    withdraw,
    worker_command,
)
from cellapp.store.costly_images import MOST_TRIES, Limits, job_limits, note_end, telling

LOG_NAME = "supervisor"
LOOK_S = 0.25  # between two looks at a job

_log = logging.getLogger("cellapp.jobs.supervisor")
_MOST_FAILED, _STOP_S = 3, 60.0  # starts in vain, and how long a worker has to give its job back
_SUSPECT_SHARE = 0.25  # of the memory limit: a process killed below it was not killed for want of memory


@dataclass
class _Watch:
    """What the worker says of the job in hand, and what it was seen to take."""

    limits: Limits
    job_id: str = ""
    worker_id: str = ""
    image: str = ""  # its digest
    peak_bytes: int = 0
    error: str = ""  # that ended the worker, in a sentence for the user
    start_s: float = field(default_factory=time.monotonic)
    step_s: float = field(default_factory=time.monotonic)

    def hear(self, kind: str, *said: str) -> None:
        """Take a word of the worker."""
        self.step_s = time.monotonic()
        if kind == "image":
            self.image = said[0]
        elif kind == "error":
            self.error = said[0]
        elif kind in ("job", "end"):
            self.job_id, self.worker_id = said if kind == "job" else ("", "")
            self.image, self.peak_bytes, self.start_s = "", 0, self.step_s

    def exceeded(self, pid: int) -> str:
        """Return why the job has to be ended; empty while it may go on."""
        used, now_s = own_memory_bytes(pid), time.monotonic()
        self.peak_bytes = max(self.peak_bytes, used)
        if not self.job_id:
            return ""
        if used > self.limits.memory_bytes:
            return f"it took more than {self.limits.memory_bytes / 1e9:.3g} GB of memory"
        if now_s - self.start_s > self.limits.seconds:
            return f"it took longer than {self.limits.seconds:g} s"
        if now_s - self.step_s > self.limits.step_seconds:
            return f"it came no further for {self.limits.step_seconds:g} s"
        return ""


def supervise(
    once: bool = False,
    idle_s: float | None = None,
    *,
    handlers: Mapping[str, Any] | None = None,
    server: int | None = None,
) -> None:
    """Work as `cellapp.jobs.worker.run_worker` does, in another process that is replaced when a job ends it.

    Parameters
    ----------
    once, idle_s, handlers
        See there; handlers are functions of modules, because another process gets them.
    server : int, optional
        Number of a process: without work, stop when it ends, and see `cellapp.jobs.standby`.
    """
    n_failed, standby = 0, Standby(server) if server is not None else None
    with logging_to_file(_log, LOG_NAME), stop_on_signals() as stop:
        announce()
        try:
            while not stop.is_set():
                done = _run_worker(stop, job_limits(), (once, idle_s, handlers, standby))
                n_failed = n_failed + 1 if done is None else 0
                if n_failed > _MOST_FAILED:
                    raise EngineError(f"the worker ended {n_failed} times before it took a job; its output says why")
                if done and standby and standby.outdated():
                    _hand_over(standby)
                    return
                if done and withdraw(unless=lambda: not once and queue.work_waits(handlers and handlers.keys())):
                    return
        finally:
            withdraw()


def _hand_over(standby: Standby) -> None:
    """Leave what waits to a worker of the program as it is now."""
    withdraw()  # first: who queues a job from now on starts a worker, and one queued before is seen here
    if queue.work_waits():
        ensure_worker(worker_command(standby.server))


def _run_worker(stop: threading.Event, limits: Limits, options: tuple[Any, ...]) -> bool | None:
    """Run one process to its end; returns whether nothing was left for it, None when it ended without a job."""
    context = multiprocessing.get_context("spawn")  # threads of torch do not survive a fork
    hears, tells = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(tells, *options))
    process.start()
    tells.close()
    watch = _Watch(limits)
    why = _watch(process, hears, watch, stop)
    hears.close()
    if watch.error and not watch.job_id:
        raise StoreError(watch.error)
    if not why and not process.exitcode:
        return True
    _bury(watch, why or _cause(process.exitcode or 0, watch))
    return False if watch.job_id else None


def _work(
    tells: Connection,
    once: bool,
    idle_s: float | None,
    handlers: Mapping[str, Any] | None,
    standby: Standby | None,
) -> None:
    """Be the worker, and say what it does."""
    die_first()
    lock = threading.Lock()

    def tell(*words: str) -> None:
        with lock, suppress(OSError):  # the other end is gone, and this process ends with it
            tells.send(words)

    from cellapp.jobs.worker import run_worker

    try:
        with telling(lambda digest: tell("image", digest)):
            run_worker(once, handlers=handlers, idle_s=idle_s, on_word=tell, standby=standby)
    except CellappError as error:  # of the database or the disk, not of a job
        tell("error", str(error))
        sys.exit(1)


def _watch(process: Any, hears: Connection, watch: _Watch, stop: threading.Event) -> str:
    """Wait for the end of a process; end it when its job takes too much, and return why."""
    asked_s = None
    while process.is_alive():
        _listen(hears, watch)
        if why := watch.exceeded(process.pid):
            kill_family(process)
            return why
        if stop.is_set() and asked_s is None:
            asked_s = time.monotonic()
            process.terminate()  # it gives its job back
        if asked_s is not None and time.monotonic() - asked_s > _STOP_S:
            kill_family(process)
    process.join()
    with suppress(EOFError, OSError):
        while hears.poll():
            watch.hear(*hears.recv())
    return ""


def _listen(hears: Connection, watch: _Watch) -> None:
    """Hear everything that the worker says until the next look."""
    until_s = time.monotonic() + LOOK_S
    try:
        while (left_s := until_s - time.monotonic()) > 0 and hears.poll(left_s):
            watch.hear(*hears.recv())
    except (EOFError, OSError):
        time.sleep(max(until_s - time.monotonic(), 0))


def _cause(exitcode: int, watch: _Watch) -> str:
    """Return what a process died of that nobody here has ended; empty where the job is not to blame."""
    if exitcode > 0:  # an exception outside of any job
        return ""
    name = signal.Signals(-exitcode).name
    if exitcode in (-signal.SIGKILL, -signal.SIGTERM):
        scarce = watch.peak_bytes > _SUSPECT_SHARE * watch.limits.memory_bytes
        if not scarce and free_memory_bytes() > _SUSPECT_SHARE * watch.limits.memory_bytes:
            return ""
        return f"it was killed ({name}) when it had {watch.peak_bytes / 1e9:.3g} GB of memory"
    return f"a library crashed ({name})"


def _bury(watch: _Watch, why: str) -> None:
    """Decide on the job of a process that was ended: it is taken up again, or has failed."""
    if not watch.job_id:
        _log.warning("the worker ended without a job (%s); another one starts", why or "killed")
        return
    _log.warning("job %s ended its worker: %s", watch.job_id, why or "killed by somebody")
    try:
        _decide(watch, why)
    except StoreError:  # the database is away: the job is free when its heartbeat is old enough
        _log.warning("the end of job %s could not be told", watch.job_id, exc_info=True)


def _decide(watch: _Watch, why: str) -> None:
    if not why:
        queue.release(watch.job_id, worker_id=watch.worker_id)
    elif watch.image and note_end(watch.image, why, watch.limits) <= MOST_TRIES:
        queue.requeue(watch.job_id, worker_id=watch.worker_id)  # the image is refused in the end, and others go on
    else:
        queue.release(watch.job_id, worker_id=watch.worker_id, most_attempts=MOST_TRIES, why=why)
