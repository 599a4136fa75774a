"""The worker: takes jobs one after the other, reports their progress, and may be killed at any time."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from cellapp.errors import Cancelled, CellappError, StoreError, disk_sentence
from cellapp.jobs import queue
from cellapp.jobs.clean_up import CLEAN_UP_EVERY_S, clean_up
from cellapp.jobs.worker_process import announce, log_path, logging_to_file, stop_on_signals, withdraw
from cellapp.models.kept import keeping_models
from cellapp.store import database
from cellapp.store.records import JobRecord

if TYPE_CHECKING:
    from cellapp.jobs.handlers import Handler
    from cellapp.jobs.standby import Standby

LOG_NAME = "worker"

_log = logging.getLogger("cellapp.jobs.worker")
_BEATS_PER_LIMIT = 6  # heartbeats within the time after which a silent worker counts as lost
_REPORT_EVERY_S = 0.2

PATIENT_S = 600.0
"""A worker waits so long while somebody else holds the database: hours of work are behind what it has to write."""

OnWord = Callable[..., None]
"""Tells the process that watches this one what is in hand."""


@dataclass
class _Progress:
    """The `OnStep` of a handler: it records the step, and raises when the job should stop."""

    job: JobRecord
    worker_id: str
    stop: threading.Event  # the process should end
    on_word: OnWord
    job_lost: threading.Event = field(default_factory=threading.Event)  # cancelled, or taken by another worker
    _start: tuple[float, float] | None = None  # time and fraction of the first step
    _reported_s: float = float("-inf")

    @property
    def submitted(self) -> datetime:
        """When the job was asked for: what people said since then is newer."""
        return self.job.created

    def __call__(self, step: str, fraction: float) -> None:
        """Record the step, at most a few times a second."""
        if self.stop.is_set():
            raise queue.WorkerStopping("the worker was asked to stop; the job goes on when the next one starts")
        now_s = time.monotonic()
        self._start = self._start or (now_s, fraction)
        if now_s - self._reported_s >= _REPORT_EVERY_S:
            self._reported_s = now_s
            self.on_word("step")
            if not queue.report(self.job.id, step, fraction, self._left_s(now_s, fraction), worker_id=self.worker_id):
                self.job_lost.set()
        if self.job_lost.is_set():
            raise Cancelled("stopped because somebody asked for it")

    def _left_s(self, now_s: float, fraction: float) -> float | None:
        """Extrapolate the seconds left from the pace since this worker's first step of the job."""
        start_s, start_fraction = self._start or (now_s, fraction)
        gained = fraction - start_fraction
        return (now_s - start_s) * (1 - fraction) / gained if gained > 0.01 else None


def run_worker(
    once: bool = False,
    poll_s: float = 0.5,
    handlers: Mapping[str, Handler] | None = None,
    *,
    idle_s: float | None = None,
    lost_after_s: float = queue.LOST_AFTER_S,
    on_word: OnWord = lambda *_: None,
    standby: Standby | None = None,
) -> None:
    """Work until asked to stop; SIGTERM or Ctrl-C returns the job in hand to the queue at its next step.

    Parameters
    ----------
    once : bool
        Return when nothing waits.
    poll_s : float
        Seconds between two looks at an empty queue.
    handlers : mapping, optional
        Kind of job -> its handler; `cellapp.jobs.handlers.HANDLERS` when left out. Jobs of other kinds are left for
        other workers.
    idle_s : float, optional
        Return after so many seconds without work.
    lost_after_s : float
        Take over the jobs of workers without a heartbeat for so many seconds.
    on_word : callable
        Called with "job" and the ids of job and worker when one is begun, with "step" and with "end".
    standby : Standby, optional
        Says when to return although the time without work is not over; a job is left to others when the program's
        files have changed.
    """
    if handlers is None:
        from cellapp.jobs.handlers import HANDLERS as handlers  # torch comes with it: not for those who only queue jobs
    worker_id = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
    with logging_to_file(_log, LOG_NAME), stop_on_signals() as stop, database.waiting(PATIENT_S):
        announce()
        _log.info("worker %s starts", worker_id)
        try:
            clean_up()
            limits = {"once": once, "poll_s": poll_s, "idle_s": idle_s, "lost_after_s": lost_after_s}
            _work_jobs(worker_id, handlers, stop, on_word, standby, **limits)
        finally:
            withdraw()
            _log.info("worker %s ends", worker_id)


def _work_jobs(
    worker_id: str,
    handlers: Mapping[str, Handler],
    stop: threading.Event,
    on_word: OnWord,
    standby: Standby | None,
    *,
    once: bool,
    poll_s: float,
    idle_s: float | None,
    lost_after_s: float,
) -> None:
    def work_waits() -> bool:
        return queue.work_waits(handlers.keys(), lost_after_s=lost_after_s)

    cleaned_s = worked_s = time.monotonic()
    while not stop.is_set():
        job = _claim(worker_id, handlers.keys(), lost_after_s, once=once)
        if job is not None and standby and standby.outdated():
            queue.requeue(job.id, worker_id=worker_id)
            return
        if job is not None:
            _take(job, handlers[job.kind], _Progress(job, worker_id, stop, on_word), lost_after_s / _BEATS_PER_LIMIT)
            worked_s = time.monotonic()
        elif once or (_leaves(worked_s, idle_s, standby) and withdraw(unless=work_waits)):
            return
        elif time.monotonic() - cleaned_s > CLEAN_UP_EVERY_S:
            clean_up()
            cleaned_s = time.monotonic()
        else:
            stop.wait(poll_s)


def _take(job: JobRecord, handler: Handler, progress: _Progress, beat_s: float) -> None:
    """Work a job, with heartbeats, and tell of its begin and end."""
    progress.on_word("job", job.id, progress.worker_id)
    with _heartbeats(progress, beat_s), keeping_models():
        _work_job(job, handler, progress)
    progress.on_word("end")


def _claim(worker_id: str, kinds: Collection[str], lost_after_s: float, *, once: bool) -> JobRecord | None:
    """Take the next job; a database that is away for a moment does not end the worker."""
    try:
        return queue.claim(worker_id, kinds, lost_after_s=lost_after_s)
    except StoreError as error:
        if once:
            raise
        _log.warning("no job can be taken: %s", error)
        return None


def _work_job(job: JobRecord, handler: Handler, progress: _Progress) -> None:
    worker_id = progress.worker_id
    _log.info("job %s (%s), attempt %d", job.id, job.kind, job.attempts)
    try:
        queue.finish(job.id, handler(dict(job.payload), progress), worker_id=worker_id)
    except queue.WorkerStopping:
        queue.requeue(job.id, worker_id=worker_id)
    except Cancelled:
        queue.cancelled(job.id, worker_id=worker_id)
    except CellappError as error:
        _log.warning("job %s failed: %s", job.id, error)
        queue.fail(job.id, str(error), worker_id=worker_id)
    except OSError as error:  # a full disk, or one that may not be written to: what is done stays
        _log.exception("job %s failed", job.id)
        queue.fail(job.id, disk_sentence(error), worker_id=worker_id)
    except Exception as error:  # a defect in one job must not end the worker
        _log.exception("job %s failed", job.id)
        place = f"details are in logs/{log_path(LOG_NAME).name} of the data folder under job {job.id}"
        queue.fail(job.id, f"something unexpected happened ({type(error).__name__}); {place}", worker_id=worker_id)


def _leaves(worked_s: float, idle_s: float | None, standby: Standby | None) -> bool:
    idle = idle_s is not None and time.monotonic() - worked_s >= idle_s
    return idle or (standby is not None and standby.leaves())


@contextmanager
def _heartbeats(progress: _Progress, every_s: float) -> Iterator[None]:
    """Send heartbeats of a job from a thread of their own while the block runs."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(every_s):
            try:
                if not queue.heartbeat(progress.job.id, worker_id=progress.worker_id):
                    progress.job_lost.set()
            except StoreError:  # the database is away for a moment; the next beat may reach it
                _log.warning("no heartbeat for job %s", progress.job.id, exc_info=True)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
