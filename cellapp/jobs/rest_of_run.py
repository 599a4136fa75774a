"""The rest of a run: images that failed or were not reached are done, those that are finished stay.

A run ends early when the disk is full, somebody cancels it, or its job takes too much. It may also be left without a
job, where a server was killed between the two: such a run is taken up by the next worker.
"""

from __future__ import annotations

from datetime import timedelta

from cellapp.errors import InputError
from cellapp.jobs import queue, worker_process
from cellapp.store import runs
from cellapp.store.records import JobRecord, RunRecord, Status
from cellapp.store.schema import now

ANALYSE = "analyse"
_SETTLED_S = 60.0  # a run younger than this may be about to get its job


def request_rest(run_id: str) -> JobRecord:
    """Queue the images of a run that are not done; the job that does them already, where there is one.

    Raises
    ------
    InputError
        All are done, or the run is in the bin.
    """
    run = runs.get_shown_run(run_id)
    if not has_rest(run):
        raise InputError(f"{run.name!r} has a result for each of its images; run it again to make them anew")
    job = _job_of(run, active=True) or queue.submit(ANALYSE, {"run_id": run.id}, run.project_id)
    worker_process.ensure_worker()
    return job


def has_rest(run: RunRecord) -> bool:
    """Whether images of a run have no result."""
    return run.n_done < len(run.images)


def take_up_strays(older_than_s: float = _SETTLED_S) -> int:
    """Give runs that wait or work without a job what they lack: a job, or the end that their job had.

    Parameters
    ----------
    older_than_s : float
        Only runs made so many seconds ago.

    Returns
    -------
    int
        How many were queued or ended.
    """
    n_taken = 0
    for run in runs.list_active_runs(before=now() - timedelta(seconds=older_than_s)):
        job = _job_of(run, active=False)
        if job is None:
            queue.submit(ANALYSE, {"run_id": run.id}, run.project_id)
        elif job.status.active:
            continue
        else:
            interrupted = Status.CANCELLED if job.status is Status.CANCELLED else Status.FAILED
            runs.finish_run(run.id, interrupted=interrupted, error=job.error)
        n_taken += 1
    return n_taken


def _job_of(run: RunRecord, *, active: bool) -> JobRecord | None:
    """Return the newest job that analyses a run; of those that wait or work where `active`."""
    jobs = queue.list_jobs(run.project_id, active=active, limit=10_000)
    return next((job for job in jobs if job.kind == ANALYSE and job.payload.get("run_id") == run.id), None)
