import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np
import pytest
import tifffile

from cellapp.errors import InputError, StoreError
from cellapp.jobs import queue
from cellapp.jobs import silence as silence_of
from cellapp.settings import AnalyseSettings
from cellapp.store.job_rows import change_job
from cellapp.store.projects import create_project, default_project
from cellapp.store.records import Status
from cellapp.store.runs import create_run, get_run, set_image_status, start_run
from cellapp.store.schema import now
from cellapp.store.uploads import add_image

pytestmark = pytest.mark.usefixtures("database")

A, B = "worker a", "worker b"


@pytest.fixture
def run(tmp_path):
    tifffile.imwrite(tmp_path / "image.tif", np.arange(400, dtype=np.uint8).reshape(20, 20))
    project_id = default_project().id
    image = add_image(project_id, tmp_path / "image.tif", "image.tif")
    return create_run(project_id, [image.id], AnalyseSettings())


def silence(job, seconds):
    """Let this process have heard nothing of a running job's worker for so long."""
    running = queue.get_job(job.id)
    silence_of._seen[job.id] = (running.worker, running.heartbeat, time.monotonic() - seconds)


def test_a_job_goes_from_queued_to_done():
    job = queue.submit("analyse", {"n": np.int64(3)}, default_project().id)
    assert (job.status, job.payload, job.fraction, job.attempts) == (Status.QUEUED, {"n": 3}, 0, 0)
    taken = queue.claim(A)
    assert (taken.id, taken.status, taken.worker, taken.attempts) == (job.id, Status.RUNNING, A, 1)
    assert queue.report(job.id, "Finding cells", 0.5, 12.5, worker_id=A)
    running = queue.get_job(job.id)
    assert (running.step, running.fraction, running.seconds_left) == ("Finding cells", 0.5, 12.5)
    done = queue.finish(job.id, {"n_cells": 3}, worker_id=A)
    assert (done.status, done.result, done.fraction) == (Status.DONE, {"n_cells": 3}, 1)
    assert done.finished >= done.started >= done.created
    assert queue.claim(A) is None


def test_a_job_that_fails_says_why_in_its_own_words():
    job = queue.submit("fetch", {})
    queue.claim(A)
    failed = queue.fail(job.id, "no network\x00", worker_id=A)
    assert (failed.status, failed.error) == (Status.FAILED, "no network")


def test_jobs_come_in_order_and_urgent_ones_first():
    submitted = [queue.submit("analyse", {}), queue.submit("analyse", {}), queue.submit("preview", {}, urgent=True)]
    taken = [queue.claim(A).id for _ in submitted]
    assert taken == [submitted[i].id for i in (2, 0, 1)]


def test_a_worker_is_given_only_what_it_can_do():
    queue.submit("analyse", {})
    fetch = queue.submit("fetch", {})
    assert not queue.work_waits(["preview"])
    assert queue.claim(A, ["preview"]) is None
    assert queue.work_waits(["fetch"])
    assert queue.claim(A, ["fetch"]).id == fetch.id
    assert queue.claim(A, []) is None


def test_two_workers_never_get_the_same_job():
    submitted = {queue.submit("analyse", {"i": i}).id for i in range(12)}

    def take_all(worker_id):
        taken = []
        while job := queue.claim(worker_id):
            taken.append(job.id)
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [job_id for each in pool.map(take_all, [f"worker {i}" for i in range(4)]) for job_id in each]
    assert len(taken) == len(submitted)
    assert set(taken) == submitted


def test_jobs_are_listed_by_project_newest_first_and_active_ones_alone():
    here, there = default_project().id, create_project("other").id
    first, second, other = (queue.submit("analyse", {}, project) for project in (here, here, there))
    queue.claim(A)
    queue.finish(first.id, worker_id=A)
    assert [job.id for job in queue.list_jobs(here)] == [second.id]
    assert [job.id for job in queue.list_jobs(here, active=False)] == [second.id, first.id]
    assert {job.id for job in queue.list_jobs()} == {second.id, other.id}
    assert [job.id for job in queue.list_jobs(active=False, limit=1)] == [other.id]


def test_a_silent_workers_job_goes_to_the_next_and_the_first_is_not_heard_any_more():
    job = queue.submit("analyse", {})
    queue.claim(A)
    assert queue.claim(B) is None
    silence(job, queue.LOST_AFTER_S + 5)
    assert queue.work_waits()
    assert queue.claim(B).attempts == 2
    assert not queue.heartbeat(job.id, worker_id=A)
    assert not queue.report(job.id, "late", 0.9, worker_id=A)
    assert queue.finish(job.id, {"from": "a"}, worker_id=A).status is Status.RUNNING
    queue.requeue(job.id, worker_id=A)
    assert queue.heartbeat(job.id, worker_id=B)
    assert queue.finish(job.id, {"from": "b"}, worker_id=B).result == {"from": "b"}


@pytest.mark.parametrize("hours", [-24, 24])
def test_a_clock_that_is_set_loses_no_worker_and_saves_none(hours):
    """The clock on the wall is another one than that of the worker: its heartbeats still change, or do not."""
    job = queue.submit("analyse", {})
    queue.claim(A)
    for minute in range(3):
        change_job(job.id, only_if=Status.RUNNING, heartbeat=now() + timedelta(hours=hours, minutes=minute))
        assert queue.claim(B) is None
    assert not queue.work_waits()
    silence(job, queue.LOST_AFTER_S + 5)
    assert queue.claim(B).id == job.id


def test_the_job_of_a_process_of_this_machine_that_has_ended_is_free_at_once():
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    job = queue.submit("analyse", {})
    queue.claim(f"{socket.gethostname()}:{os.getpid()}:abc")
    assert queue.claim(B) is None
    queue.requeue(job.id, worker_id=queue.get_job(job.id).worker)
    queue.claim(f"{socket.gethostname()}:{ended.pid}:abc")
    assert queue.claim(B).id == job.id


def test_a_heartbeat_keeps_the_job():
    job = queue.submit("analyse", {})
    queue.claim(A)
    silence(job, queue.LOST_AFTER_S - 5)
    assert queue.heartbeat(job.id, worker_id=A)
    assert queue.claim(B, lost_after_s=10) is None


def test_a_job_that_takes_every_worker_with_it_fails_at_last(run):
    job = queue.submit("analyse", {"run_id": run.id}, run.project_id)
    for _ in range(queue.MAX_ATTEMPTS):
        assert queue.claim(A).id == job.id
        start_run(run.id)
        silence(job, queue.LOST_AFTER_S + 5)
    assert queue.claim(B) is None
    failed = queue.get_job(job.id)
    assert failed.status is Status.FAILED
    assert "memory" in failed.error
    assert get_run(run.id).status is Status.FAILED
    assert get_run(run.id).images[0].error == failed.error


def test_a_job_given_back_waits_again_and_counts_no_attempt():
    job = queue.submit("analyse", {})
    for _ in range(queue.MAX_ATTEMPTS + 2):
        assert queue.claim(A).id == job.id
        assert queue.requeue(job.id, worker_id=A).status is Status.QUEUED


def test_a_queued_job_is_cancelled_at_once_and_its_run_too(run):
    job = queue.submit("analyse", {"run_id": run.id}, run.project_id)
    assert queue.request_cancel(job.id).status is Status.CANCELLED
    assert get_run(run.id).status is Status.CANCELLED
    assert queue.claim(A) is None


def test_a_running_job_hears_of_the_cancel_at_its_next_step(run):
    job = queue.submit("analyse", {"run_id": run.id}, run.project_id)
    queue.claim(A)
    start_run(run.id)
    assert queue.report(job.id, "Finding cells", 0.1, worker_id=A)
    assert queue.request_cancel(job.id).status is Status.RUNNING
    assert not queue.report(job.id, "Finding cells", 0.2, worker_id=A)
    assert not queue.heartbeat(job.id, worker_id=A)
    assert queue.cancelled(job.id, worker_id=A).status is Status.CANCELLED
    assert get_run(run.id).status is Status.CANCELLED


def test_a_job_of_a_dead_worker_is_cancelled_without_anybody(run):
    job = queue.submit("analyse", {"run_id": run.id})
    queue.claim(A)
    start_run(run.id)
    silence(job, queue.LOST_AFTER_S + 5)
    assert queue.request_cancel(job.id).status is Status.CANCELLED
    assert get_run(run.id).status is Status.CANCELLED


def test_a_cancelled_job_of_a_worker_that_dies_is_not_begun_again():
    job = queue.submit("analyse", {})
    queue.claim(A)
    queue.request_cancel(job.id)
    silence(job, queue.LOST_AFTER_S + 5)
    assert queue.claim(B) is None
    assert queue.get_job(job.id).status is Status.CANCELLED


def test_cancelling_what_has_ended_changes_nothing():
    job = queue.submit("analyse", {})
    queue.claim(A)
    done = queue.finish(job.id, worker_id=A)
    assert queue.request_cancel(job.id) == done


def test_a_finished_run_keeps_its_status_when_its_job_ends(run):
    job = queue.submit("analyse", {"run_id": run.id})
    queue.claim(A)
    set_image_status(run.id, run.images[0].image_id, Status.DONE, n_cells=0)
    queue.finish(job.id, worker_id=A)
    assert get_run(run.id).status is Status.DONE
    again = queue.submit("analyse", {"run_id": run.id})
    queue.claim(A)
    queue.fail(again.id, "the report could not be written", worker_id=A)
    assert get_run(run.id).status is Status.DONE


def test_a_job_whose_run_is_gone_ends_all_the_same():
    job = queue.submit("analyse", {"run_id": "gone"})
    assert queue.request_cancel(job.id).status is Status.CANCELLED


@pytest.mark.parametrize(("fraction", "kept"), [(-1, 0), (0.25, 0.25), (7, 1)])
def test_a_fraction_is_a_fraction(fraction, kept):
    job = queue.submit("analyse", {})
    queue.claim(A)
    queue.report(job.id, "step\x00", fraction, worker_id=A)
    assert queue.get_job(job.id).fraction == kept
    assert queue.get_job(job.id).step == "step"


def test_old_jobs_are_forgotten_and_active_ones_never():
    ended, waiting = queue.submit("analyse", {}), queue.submit("analyse", {})
    queue.claim(A)
    queue.finish(ended.id, worker_id=A)
    assert queue.purge_jobs(3600) == 0
    assert queue.purge_jobs(-1) == 1
    assert [job.id for job in queue.list_jobs(active=False)] == [waiting.id]


def test_unknown_jobs_and_kinds_are_told():
    for call in (queue.get_job, queue.request_cancel):
        with pytest.raises(StoreError, match="no job 'nothing'"):
            call("nothing")
    with pytest.raises(InputError, match="kind"):
        queue.submit("", {})
