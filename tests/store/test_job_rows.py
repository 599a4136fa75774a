"""Which job a worker gets, and that a job changes only under its conditions."""

from datetime import timedelta

import pytest

from cellapp.errors import StoreError
from cellapp.store.job_rows import (
    add_job,
    change_job,
    count_free,
    delete_ended_jobs,
    read_beats,
    read_job,
    read_jobs,
    take_job,
)
from cellapp.store.records import Status
from cellapp.store.schema import now


def add_some(*kinds, project_id=None, urgent=()):
    return [add_job(kind, {"kind": kind}, project_id, urgent=kind in urgent) for kind in kinds]


def take(worker_id="a", *, kinds=None, lost=None):
    return take_job(worker_id, kinds=kinds, lost=lost or {})


def test_a_new_job_waits_with_its_payload():
    job = add_job("analyse", {"run_id": "r", "n": (1, 2)}, None, urgent=False)
    assert read_job(job.id) == job
    assert (job.status, job.attempts, job.fraction) == (Status.QUEUED, 0, 0.0)
    assert job.payload == {"run_id": "r", "n": [1, 2]}


def test_every_job_is_given_out_once_urgent_ones_first_then_the_oldest():
    add_some("a", "b", "c", "d", urgent=("c", "d"))
    assert [take().kind for _ in range(4)] == ["c", "d", "a", "b"]
    assert take() is None


def test_a_job_that_is_taken_knows_its_worker_and_counts_the_attempt():
    add_some("a")
    job = take("worker-1")
    assert (job.status, job.worker, job.attempts) == (Status.RUNNING, "worker-1", 1)
    assert job.started == job.heartbeat


def test_a_job_of_a_silent_worker_is_free_again_and_keeps_its_start():
    add_some("a")
    first = take("worker-1")
    assert take("worker-2") is None
    assert read_beats() == [(first.id, "worker-1", first.heartbeat)]
    assert take("worker-2", lost={first.id: first.heartbeat - timedelta(seconds=1)}) is None  # heard of meanwhile
    again = take("worker-2", lost={first.id: first.heartbeat})
    assert (again.id, again.worker, again.attempts) == (first.id, "worker-2", 2)
    assert again.started == first.started


@pytest.mark.parametrize("kinds", [None, (), ("a",), ("b", "c"), ("nothing",)])
def test_as_many_are_free_as_can_be_taken(kinds):
    add_some("a", "b", "c", "a")
    n_free = count_free(kinds=kinds, lost={})
    n_taken = 0
    while take(kinds=kinds):
        n_taken += 1
    assert n_taken == n_free


@pytest.mark.parametrize(
    ("conditions", "changes"),
    [
        ({"only_if": Status.RUNNING, "worker_id": "a"}, True),
        ({"only_if": Status.RUNNING}, True),
        ({"only_if": Status.RUNNING, "worker_id": "b"}, False),
        ({"only_if": Status.QUEUED}, False),
    ],
)
def test_a_job_changes_only_under_its_conditions(conditions, changes):
    add_some("a")
    job = take("a")
    changed = change_job(job.id, **conditions, step="Segmenting", fraction=0.5)
    assert (changed is not None) == changes
    assert (read_job(job.id) != job) == changes
    if changes:
        assert (changed.step, changed.fraction) == ("Segmenting", 0.5)
        assert read_job(job.id) == changed


def test_jobs_are_read_newest_first_by_project_and_activity(project):
    here = add_some("a", "b", project_id=project.id)
    add_some("elsewhere")
    change_job(here[0].id, only_if=Status.QUEUED, status=Status.DONE, finished=now())
    assert [job.kind for job in read_jobs(project.id, active=False, limit=9)] == ["b", "a"]
    assert [job.kind for job in read_jobs(project.id, active=True, limit=9)] == ["b"]
    assert [job.kind for job in read_jobs(None, active=False, limit=2)] == ["elsewhere", "b"]


def test_only_jobs_that_ended_before_are_deleted():
    old, recent, waiting = add_some("old", "recent", "waiting")
    change_job(old.id, only_if=Status.QUEUED, status=Status.DONE, finished=now() - timedelta(hours=2))
    change_job(recent.id, only_if=Status.QUEUED, status=Status.FAILED, finished=now())
    assert delete_ended_jobs(now() - timedelta(hours=1)) == 1
    assert {job.id for job in read_jobs(None, active=False, limit=9)} == {recent.id, waiting.id}
    with pytest.raises(StoreError, match="no job"):
        read_job(old.id)
