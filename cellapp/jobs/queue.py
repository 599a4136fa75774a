"""The life of a job: queued, running, then done, failed or cancelled, whatever happens to the worker that has it.

A worker proves that it lives with heartbeats. One that is silent for `LOST_AFTER_S` has lost its job to the next one,
and what it says of the job afterwards is not heard: every change names the worker that makes it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from cellapp.errors import InputError, StoreError
from cellapp.store import job_rows, runs
from cellapp.store.json_values import json_mapping, plain_text
from cellapp.store.records import JobRecord, Status
from cellapp.store.schema import now

LOST_AFTER_S = 30.0
"""Seconds without a heartbeat after which a worker counts as dead."""

MAX_ATTEMPTS = 3
"""How many workers a job may take with it; then it has failed, most often for want of memory."""

_TOO_OFTEN = f"the worker stopped {MAX_ATTEMPTS} times in the middle of it; is there too little memory for this image?"


def submit(kind: str, payload: Mapping[str, Any], project_id: str | None = None, *, urgent: bool = False) -> JobRecord:
    """Queue a piece of work.

    Parameters
    ----------
    kind : str
        Name of the handler, see `cellapp.jobs.handlers`.
    payload : mapping
        JSON values for the handler. A ``run_id`` in it ties the run to the job: when the job ends without the run being
        finished, the run is finished too.
    project_id : str, optional
    urgent : bool
        Before everything that is not, for work somebody waits for.
    """
    if not kind:
        raise InputError('a job has a kind, such as "analyse"; got an empty one')
    return job_rows.add_job(kind, payload, project_id, urgent=urgent)


def get_job(job_id: str) -> JobRecord:
    """Return a job. Raises StoreError when there is none."""
    return job_rows.read_job(job_id)


def list_jobs(project_id: str | None = None, *, active: bool = True, limit: int = 200) -> tuple[JobRecord, ...]:
    """Return the jobs of a project, of all when left out, newest first; only those that wait or work when `active`."""
    return job_rows.read_jobs(project_id, active=active, limit=limit)


def request_cancel(job_id: str) -> JobRecord:
    """Ask for a job to be stopped: at once while nobody works on it, else at its next step; an ended one stays."""
    if ended := job_rows.change_job(job_id, only_if=Status.QUEUED, status=Status.CANCELLED, finished=now()):
        return _settled(ended)
    asked = job_rows.change_job(job_id, only_if=Status.RUNNING, cancel_requested=True)
    if asked and asked.worker and _is_lost(asked, LOST_AFTER_S):
        cancelled(job_id, worker_id=asked.worker)
    return get_job(job_id)


def claim(
    worker_id: str, kinds: Collection[str] | None = None, *, lost_after_s: float = LOST_AFTER_S
) -> JobRecord | None:
    """Take the next job, or one whose worker is lost.

    Parameters
    ----------
    worker_id : str
        Different for each start of each worker.
    kinds : collection of str, optional
        What this worker can do; everything when left out.
    lost_after_s : float
        Seconds without a heartbeat after which another worker's job is free.

    Returns
    -------
    JobRecord or None
        None when nothing waits.
    """
    while job := job_rows.take_job(worker_id, kinds=kinds, lost_before=now() - timedelta(seconds=lost_after_s)):
        if job.cancel_requested:
            cancelled(job.id, worker_id=worker_id)
        elif job.attempts > MAX_ATTEMPTS:
            fail(job.id, _TOO_OFTEN, worker_id=worker_id)
        else:
            return job
    return None


def work_waits(kinds: Collection[str] | None = None, *, lost_after_s: float = LOST_AFTER_S) -> bool:
    """Whether `claim` would find something."""
    return job_rows.count_free(kinds=kinds, lost_before=now() - timedelta(seconds=lost_after_s)) > 0


def heartbeat(job_id: str, *, worker_id: str) -> bool:
    """Say that the worker lives; returns whether it should go on: False when cancelled or lost to another worker."""
    return _goes_on(job_rows.change_job(job_id, only_if=Status.RUNNING, worker_id=worker_id, heartbeat=now()))


def report(job_id: str, step: str, fraction: float, seconds_left: float | None = None, *, worker_id: str) -> bool:
    """Say how far a job is.

    Parameters
    ----------
    job_id : str
    step : str
        What is going on, in words.
    fraction : float
        Share done; values outside 0 to 1 are clipped.
    seconds_left : float, optional
    worker_id : str

    Returns
    -------
    bool
        Whether to go on: False when the job was cancelled or is lost to another worker.
    """
    said = {"step": plain_text(step), "fraction": min(max(fraction, 0.0), 1.0), "seconds_left": seconds_left}
    return _goes_on(job_rows.change_job(job_id, only_if=Status.RUNNING, worker_id=worker_id, heartbeat=now(), **said))


def finish(job_id: str, result: Mapping[str, Any] | None = None, *, worker_id: str) -> JobRecord:
    """Say that a job is done, with its result as JSON values."""
    said = {"result": json_mapping(result or {}), "fraction": 1.0, "seconds_left": 0.0}
    return _end(job_id, Status.DONE, worker_id, said)


def fail(job_id: str, error: str, *, worker_id: str) -> JobRecord:
    """Say that a job failed, in one sentence for the user."""
    return _end(job_id, Status.FAILED, worker_id, {"error": plain_text(error), "seconds_left": None})


def cancelled(job_id: str, *, worker_id: str) -> JobRecord:
    """Say that a job was stopped because somebody asked for it."""
    return _end(job_id, Status.CANCELLED, worker_id, {"seconds_left": None})


def requeue(job_id: str, *, worker_id: str) -> JobRecord:
    """Give a job back to the queue because its worker is asked to stop; that does not count as an attempt."""
    job = get_job(job_id)
    back = {"status": Status.QUEUED, "worker": None, "heartbeat": None, "seconds_left": None}
    job_rows.change_job(job_id, only_if=Status.RUNNING, worker_id=worker_id, attempts=job.attempts - 1, **back)
    return get_job(job_id)


def purge_jobs(older_than_s: float) -> int:
    """Forget jobs that ended so many seconds ago; returns how many."""
    return job_rows.delete_ended_jobs(now() - timedelta(seconds=older_than_s))


def _end(job_id: str, status: Status, worker_id: str, values: dict[str, Any]) -> JobRecord:
    """End a job the worker still holds; one that it lost belongs to somebody else and is left alone."""
    ended = job_rows.change_job(
        job_id, only_if=Status.RUNNING, worker_id=worker_id, status=status, finished=now(), **values
    )
    return _settled(ended) if ended else get_job(job_id)


def _settled(job: JobRecord) -> JobRecord:
    """Finish the run of a job that ended without its handler having had the last word."""
    run_id = job.payload.get("run_id")
    if run_id is None:
        return job
    interrupted = Status.CANCELLED if job.status is Status.CANCELLED else Status.FAILED
    try:
        if runs.get_run(run_id).status.active:
            runs.finish_run(run_id, interrupted=interrupted, error=job.error)
    except StoreError:  # the run was purged meanwhile
        return job
    return job


def _goes_on(job: JobRecord | None) -> bool:
    return job is not None and not job.cancel_requested


def _is_lost(job: JobRecord, lost_after_s: float) -> bool:
    return job.heartbeat is None or job.heartbeat < now() - timedelta(seconds=lost_after_s)
