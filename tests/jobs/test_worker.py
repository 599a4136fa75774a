import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from cellapp.errors import Cancelled, InputError, StoreError
from cellapp.jobs import queue, worker
from cellapp.jobs.queue import WorkerStopping
from cellapp.jobs.worker import run_worker
from cellapp.jobs.worker_process import living_worker
from cellapp.store import database as store_database
from cellapp.store.records import Status
from tests.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("database")]


def work_off(**handlers):
    run_worker(once=True, poll_s=0.01, handlers=handlers)


def start(*arguments):
    return subprocess.Popen([sys.executable, "-m", "tests.jobs.worker_for_tests", *arguments], cwd=ROOT)


def wait_until(true: Callable[[], bool], seconds=120):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def count_job(tmp_path, n=6, pause_s=0.3):
    return queue.submit("count", {"path": str(tmp_path / "items"), "n": n, "pause_s": pause_s})


def items(tmp_path):
    path = tmp_path / "items"
    return path.read_text().split() if path.exists() else []


def test_jobs_are_worked_off_in_order_with_payload_and_result():
    submitted = [queue.submit("double", {"n": n}) for n in (1, 2)]
    work_off(double=lambda payload, on_step: {"n": 2 * payload["n"]})
    assert [queue.get_job(job.id).result for job in submitted] == [{"n": 2}, {"n": 4}]


def test_a_step_is_seen_by_others_while_it_goes_on():
    job, seen = queue.submit("watch", {}), []

    def watch(payload, on_step):
        on_step("Finding cells", 0.25)
        seen.append(queue.get_job(job.id))
        return {}

    work_off(watch=watch)
    assert (seen[0].status, seen[0].step, seen[0].fraction) == (Status.RUNNING, "Finding cells", 0.25)


def test_thousands_of_steps_cost_few_writes(monkeypatch):
    queue.submit("quick", {})
    written = []
    report = queue.report
    monkeypatch.setattr(queue, "report", lambda *step, **more: written.append(step) or report(*step, **more))
    work_off(quick=lambda payload, on_step: [on_step("tile", i / 5000) for i in range(5000)] and {})
    assert 1 <= len(written) < 100


def test_time_left_follows_the_pace_since_this_worker_took_over(monkeypatch):
    now_s, left = [0.0], []
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    job = queue.submit("steady", {})

    def steady(payload, on_step):
        for fraction in (0.5, 0.6, 0.7):
            on_step("tile", fraction)
            left.append(queue.get_job(job.id).seconds_left)
            now_s[0] += 10
        return {}

    work_off(steady=steady)
    assert left == [None, pytest.approx(40), pytest.approx(30)]


def test_an_error_for_the_user_is_the_jobs_sentence_and_the_worker_goes_on():
    bad, good = queue.submit("bad", {}), queue.submit("good", {})

    def refuse(payload, on_step):
        raise InputError("'a.tif' is empty; upload it again")

    work_off(bad=refuse, good=lambda payload, on_step: {})
    assert queue.get_job(bad.id).error == "'a.tif' is empty; upload it again"
    assert queue.get_job(good.id).status is Status.DONE


def test_an_unexpected_error_is_short_for_the_user_and_whole_in_the_log(home):
    job = queue.submit("defect", {})
    work_off(defect=lambda payload, on_step: {}["no such key"])
    failed = queue.get_job(job.id)
    log = (home / "logs" / "worker.log").read_text()
    assert failed.status is Status.FAILED
    assert "KeyError" in failed.error
    assert "\n" not in failed.error
    assert "Traceback" in log
    assert job.id in log


def test_a_result_that_is_no_json_fails_the_job_not_the_worker():
    bad, good = queue.submit("bad", {}), queue.submit("good", {})
    work_off(bad=lambda payload, on_step: {"x": object()}, good=lambda payload, on_step: {})
    assert queue.get_job(bad.id).status is Status.FAILED
    assert queue.get_job(good.id).status is Status.DONE


@pytest.fixture
def every_step(monkeypatch):
    """Every step is recorded, however fast they come."""
    monkeypatch.setattr(worker, "_REPORT_EVERY_S", 0)


def test_cancel_stops_the_handler_at_its_next_step(every_step):
    job, steps = queue.submit("endless", {}), []

    def endless(payload, on_step):
        for i in range(10):
            on_step("tile", i / 10)
            steps.append(i)
            if i == 3:
                queue.request_cancel(job.id)

    work_off(endless=endless)
    assert queue.get_job(job.id).status is Status.CANCELLED
    assert steps == [0, 1, 2, 3]


def test_a_handler_can_tell_a_cancel_from_a_stop():
    assert issubclass(WorkerStopping, Cancelled)


def test_kinds_without_a_handler_are_left_for_others():
    job = queue.submit("unheard of", {})
    work_off(other=lambda payload, on_step: {})
    assert queue.get_job(job.id).status is Status.QUEUED


def test_an_idle_worker_leaves_and_says_so():
    run_worker(handlers={}, poll_s=0.01, idle_s=0.05)
    assert living_worker() is None


def test_a_worker_is_known_while_it_works():
    queue.submit("look", {})
    seen = []
    work_off(look=lambda payload, on_step: seen.append(living_worker()) or {})
    assert seen == [os.getpid()]
    assert living_worker() is None


def test_a_handler_that_says_nothing_keeps_its_job_by_heartbeats(monkeypatch):
    job, beats, enough, heartbeat = queue.submit("silent", {}), [], threading.Event(), queue.heartbeat

    def noted(job_id, *, worker_id):
        beats.append(heartbeat(job_id, worker_id=worker_id))
        if len(beats) == 3:
            enough.set()
        return beats[-1]

    monkeypatch.setattr(queue, "heartbeat", noted)

    def silent(payload, on_step):
        taken = queue.get_job(job.id).heartbeat
        assert enough.wait(60)
        return {"later": queue.get_job(job.id).heartbeat > taken}

    run_worker(once=True, handlers={"silent": silent}, lost_after_s=0.3)
    done = queue.get_job(job.id)
    assert (done.status, done.result) == (Status.DONE, {"later": True})
    assert all(beats[:3])


def test_a_worker_that_was_thought_dead_stops_and_leaves_the_result_to_the_other(every_step):
    job = queue.submit("slow", {})

    def slow(payload, on_step):
        on_step("before", 0.1)
        assert queue.claim("another worker", lost_after_s=-1).id == job.id
        on_step("after", 0.2)
        return {"from": "the first"}

    run_worker(once=True, handlers={"slow": slow})
    assert queue.get_job(job.id).status is Status.RUNNING
    assert queue.finish(job.id, {"from": "the other"}, worker_id="another worker").result == {"from": "the other"}


def test_a_worker_outside_the_main_thread_works_too():
    job = queue.submit("one", {})
    thread = threading.Thread(target=work_off, kwargs={"one": lambda payload, on_step: {}})
    thread.start()
    thread.join(30)
    assert queue.get_job(job.id).status is Status.DONE


def test_after_kill_9_in_the_middle_the_next_worker_finishes_with_the_same_result(tmp_path):
    job = count_job(tmp_path)
    first = start()
    wait_until(lambda: len(items(tmp_path)) >= 2)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert queue.get_job(job.id).status is Status.RUNNING
    assert living_worker() is None
    second = start()
    wait_until(lambda: not queue.get_job(job.id).status.active)
    second.terminate()
    second.wait(30)
    done = queue.get_job(job.id)
    assert (done.status, done.result, done.attempts) == (Status.DONE, {"n": 6}, 2)
    assert items(tmp_path) == [str(i) for i in range(6)]


def test_sigterm_gives_the_job_back_and_ends_the_worker(tmp_path):
    job = count_job(tmp_path, n=1_000, pause_s=0.05)
    process = start()
    wait_until(lambda: len(items(tmp_path)) >= 2)
    process.terminate()
    assert process.wait(30) == 0
    back = queue.get_job(job.id)
    assert (back.status, back.worker, back.attempts) == (Status.QUEUED, None, 0)
    assert living_worker() is None


def test_two_workers_share_the_work_and_do_nothing_twice(tmp_path):
    folders = [tmp_path / str(i) for i in range(6)]
    for folder in folders:
        folder.mkdir()
    submitted = [count_job(folder, n=3, pause_s=0.05) for folder in folders]
    workers = [start("--once"), start("--once")]
    assert [worker.wait(120) for worker in workers] == [0, 0]
    assert all(queue.get_job(job.id).attempts == 1 for job in submitted)
    assert all(items(folder) == ["0", "1", "2"] for folder in folders)


def test_a_worker_waits_for_a_locked_database_and_goes_on(monkeypatch, database, home):
    """A visitor would give up; hours of work are behind what a worker has to write."""
    if database != "sqlite":
        pytest.skip("PostgreSQL waits as long as its server is set to")
    monkeypatch.setattr(store_database, "_busy_s", 0.05)
    job, locked = queue.submit("write", {}), threading.Event()

    def hold():
        with sqlite3.connect(home / "cellapp.db", isolation_level=None) as other:
            other.execute("BEGIN EXCLUSIVE")
            locked.set()
            time.sleep(0.6)
            other.execute("ROLLBACK")

    def write(payload, on_step):
        thread = threading.Thread(target=hold)
        thread.start()
        locked.wait()
        with store_database.writing() as session:
            session.execute(text("UPDATE jobs SET fraction = 0.5"))
        on_step("Written", 0.5)
        thread.join()
        return {}

    work_off(write=write)
    assert queue.get_job(job.id).status is Status.DONE
    locked.clear()
    thread = threading.Thread(target=hold)
    thread.start()
    locked.wait()
    with pytest.raises(StoreError, match="database is locked") as told:
        queue.submit("write", {})
    assert str(home) not in str(told.value)
    thread.join()


def test_a_full_disk_fails_the_job_in_a_sentence_without_paths_of_the_server(home):
    def write(payload, on_step):
        raise OSError(28, "No space left on device", str(home / "runs" / "a"))

    job = queue.submit("write", {})
    work_off(write=write)
    told = queue.get_job(job.id)
    assert told.status is Status.FAILED
    assert told.error.startswith(
        "'CELLAPP_HOME/runs/a' cannot be used (no space left on device); see that there is room"
    )


def test_a_database_that_is_away_does_not_end_the_worker(monkeypatch):
    job, really, failures = queue.submit("double", {"n": 1}), queue.claim, iter([1, 1])

    def away(*args, **kwargs):
        if next(failures, None):
            raise StoreError("the database cannot be used")
        return really(*args, **kwargs)

    monkeypatch.setattr(queue, "claim", away)
    run_worker(idle_s=0.2, poll_s=0.01, handlers={"double": lambda payload, on_step: {}})
    assert queue.get_job(job.id).status is Status.DONE
