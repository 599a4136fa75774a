"""The states of a job: queued, running, then done, failed or cancelled, whatever happens to its worker.

A worker shows that it is alive by heartbeats. After `LOST_AFTER_S` without one its job goes to the next worker. Every
change names the worker that makes it, and changes by a worker that lost the job have no effect.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from cellapp.errors import Cancelled, InputError, StoreError
from cellapp.jobs.silence import lost_jobs
from cellapp.store import job_rows, runs
from cellapp.store.blobs import without_home
from cellapp.store.costly_images import RAISE_LIMITS
from cellapp.store.json_values import json_mapping, plain_text
from cellapp.store.records import JobRecord, Status
from cellapp.store.schema import now

LOST_AFTER_S = 30.0
"""Seconds without a heartbeat after which a worker counts as dead."""

MAX_ATTEMPTS = 3
"""How often a job is tried when its worker dies in the middle; then it has failed, most often for want of memory."""

_TOO_OFTEN = f"the worker stopped {MAX_ATTEMPTS} times in the middle of it; is there too little memory for this image?"


class WorkerStopping(Cancelled):
    """Raised in a handler when the worker process is asked to stop; the job goes back to the queue."""


def submit(kind: str, payload: Mapping[str, Any], project_id: str | None = None, *, urgent: bool = False) -> JobRecord:
    """Queue a job.

    Parameters
    ----------
    kind : str
        Name of the handler, see `cellapp.jobs.handlers`.
    payload : mapping
        JSON values for the handler. With a ``run_id`` in it the run ends with the job: when the job ends before the run
        is finished, the run is failed or cancelled, too.
    project_id : str, optional
    urgent : bool
        Taken before all jobs that are not urgent, for work that a user waits for.

    Raises
    ------
    InputError
        When the kind is empty.
    """
    if not kind:
        raise InputError('a job has a kind, such as "analyse"; got an empty one')
    return job_rows.add_job(kind, payload, project_id, urgent=urgent)


def get_job(job_id: str) -> JobRecord:
    """Return a job. Raises StoreError when there is none."""
    return job_rows.read_job(job_id)


def list_jobs(project_id: str | None = None, *, active: bool = True, limit: int = 200) -> tuple[JobRecord, ...]:
    """Return the jobs of a project, or of all projects, newest first; only queued and running ones when `active`."""
    return job_rows.read_jobs(project_id, active=active, limit=limit)


def request_cancel(job_id: str) -> JobRecord:
    """Cancel a job: at once while no worker has it, else at its next step; one that has ended is left alone."""
    if job := job_rows.change_job(job_id, only_if=Status.QUEUED, status=Status.CANCELLED, finished=now()):
        return _end_run(job)
    job = job_rows.change_job(job_id, only_if=Status.RUNNING, cancel_requested=True)
    if job and job.worker and job.id in _lost(LOST_AFTER_S):
        cancelled(job_id, worker_id=job.worker)
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
        Kinds this worker has handlers for; all when left out.
    lost_after_s : float
        Seconds without a heartbeat after which another worker's job is free, see `cellapp.jobs.silence`.

    Returns
    -------
    JobRecord or None
        None when no job waits. Jobs to be cancelled, and those tried too often, are ended on the way.
    """
    while job := job_rows.take_job(worker_id, kinds=kinds, lost=_lost(lost_after_s)):
        if job.cancel_requested:
            cancelled(job.id, worker_id=worker_id)
        elif job.attempts > MAX_ATTEMPTS:
            fail(job.id, _TOO_OFTEN, worker_id=worker_id)
        else:
            return job
    return None


def work_waits(kinds: Collection[str] | None = None, *, lost_after_s: float = LOST_AFTER_S) -> bool:
    """Whether a job waits that `claim` would look at."""
    return job_rows.count_free(kinds=kinds, lost=_lost(lost_after_s)) > 0


def heartbeat(job_id: str, *, worker_id: str) -> bool:
    """Record that the worker lives; returns whether it should go on, see `report`."""
    return _should_go_on(job_rows.change_job(job_id, only_if=Status.RUNNING, worker_id=worker_id, heartbeat=now()))


def report(job_id: str, step: str, fraction: float, seconds_left: float | None = None, *, worker_id: str) -> bool:
    """Record the progress of a job.

    Parameters
    ----------
    job_id : str
    step : str
        What is being done, for the user.
    fraction : float
        Share done; values outside 0 to 1 are clipped.
    seconds_left : float, optional
    worker_id : str

    Returns
    -------
    bool
        Whether to go on: False when the job was cancelled or is lost to another worker.
    """
    progress = {"step": plain_text(step), "fraction": min(max(fraction, 0.0), 1.0), "seconds_left": seconds_left}
    return _should_go_on(
        job_rows.change_job(job_id, only_if=Status.RUNNING, worker_id=worker_id, heartbeat=now(), **progress)
    )


def finish(job_id: str, result: Mapping[str, Any] | None = None, *, worker_id: str) -> JobRecord:
    """End a job as done, with its result as JSON values."""
    values = {"result": json_mapping(result or {}), "fraction": 1.0, "seconds_left": 0.0}
    return _end(job_id, Status.DONE, worker_id, values)


def fail(job_id: str, error: str, *, worker_id: str) -> JobRecord:
    """End a job as failed, with one sentence for the user."""
    return _end(job_id, Status.FAILED, worker_id, {"error": plain_text(without_home(error)), "seconds_left": None})


def cancelled(job_id: str, *, worker_id: str) -> JobRecord:
    """End a job as cancelled by a user."""
    return _end(job_id, Status.CANCELLED, worker_id, {"seconds_left": None})


def requeue(job_id: str, *, worker_id: str) -> JobRecord:
    """Return a job to the queue because its worker is asked to stop; that does not count as an attempt."""
    job = get_job(job_id)
    values = {"status": Status.QUEUED, "worker": None, "heartbeat": None, "seconds_left": None}
    job_rows.change_job(job_id, only_if=Status.RUNNING, worker_id=worker_id, attempts=job.attempts - 1, **values)
    return get_job(job_id)


def release(job_id: str, *, worker_id: str, most_attempts: int = MAX_ATTEMPTS, why: str = "") -> JobRecord:
    """Return a job to the queue whose worker process has ended; after so many attempts it has failed instead.

    Parameters
    ----------
    job_id, worker_id : str
    most_attempts : int
    why : str
        What ended the process, as a part of a sentence.
    """
    job = get_job(job_id)
    if job.attempts >= most_attempts:
        ended = f"the job ended its process {job.attempts} times ({why})" if why else _TOO_OFTEN
        way_out = f"; export smaller images, or {RAISE_LIMITS}"
        return fail(job_id, ended + (way_out if why else ""), worker_id=worker_id)
    values = {"status": Status.QUEUED, "worker": None, "heartbeat": None, "seconds_left": None}
    job_rows.change_job(job_id, only_if=Status.RUNNING, worker_id=worker_id, **values)
    return get_job(job_id)


def purge_jobs(older_than_s: float) -> int:
    """Delete jobs that ended longer ago; returns how many."""
    return job_rows.delete_ended_jobs(now() - timedelta(seconds=older_than_s))


def _end(job_id: str, status: Status, worker_id: str, values: dict[str, Any]) -> JobRecord:
    """End a job the worker still has; one that it lost to another worker is left alone."""
    job = job_rows.change_job(
        job_id, only_if=Status.RUNNING, worker_id=worker_id, status=status, finished=now(), **values
    )
    return _end_run(job) if job else get_job(job_id)


def _end_run(job: JobRecord) -> JobRecord:
    """End the run of a job that ended before its handler had finished the run."""
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


def _should_go_on(job: JobRecord | None) -> bool:
    return job is not None and not job.cancel_requested


def _lost(lost_after_s: float) -> Mapping[str, datetime | None]:
    return lost_jobs(job_rows.read_beats(), lost_after_s)
