"""A worker that waits is the same for the next job, and leaves before it is stale or in the way."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from cellapp.config import app_settings
from cellapp.jobs import queue, standby, supervisor, worker_process
from cellapp.jobs.standby import Standby, program_stamp, start_early
from cellapp.jobs.worker import run_worker
from cellapp.jobs.worker_process import living_worker, worker_command
from cellapp.store.records import Status
from tests.paths import ROOT

pytestmark = pytest.mark.slow

WORKER = """
import sys
sys.path.append(sys.argv[1])
from cellapp.jobs.supervisor import supervise
from tests.jobs import costly_jobs
if __name__ == "__main__":
    supervise(handlers={"who": costly_jobs.who}, idle_s=600, server=int(sys.argv[2]))
"""


def wait_until(true, seconds=120):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def program(tmp_path):
    """A copy of the program, whose files may be changed."""
    shutil.copytree(ROOT / "cellapp", tmp_path / "program" / "cellapp", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "program"


@contextmanager
def worker_of(program, server):
    """A worker of that copy, which stays for the process of that number."""
    script = program / "start.py"
    script.write_text(WORKER)
    command = [sys.executable, str(script), str(ROOT), str(server)]
    process = subprocess.Popen(command, cwd=program, env={**os.environ, "PYTHONPATH": f"{program}{os.pathsep}{ROOT}"})
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def work():
    """Queue a job and return the number of the process that did it."""
    job = queue.submit("who", {})
    wait_until(lambda: queue.get_job(job.id).status is Status.DONE)
    return queue.get_job(job.id).result["pid"]


def test_a_worker_that_waited_does_the_next_job_and_leaves_when_its_program_changes(program):
    with worker_of(program, os.getpid()) as process:
        first = work()
        time.sleep(2)
        assert work() == first
        assert living_worker() == process.pid
        with (program / "cellapp" / "errors.py").open("a") as file:
            file.write("\n")
        assert process.wait(60) == 0
    assert living_worker() is None


def test_a_worker_leaves_when_its_server_is_gone_and_first_does_what_waits(program):
    server = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    job = queue.submit("who", {})
    with worker_of(program, server.pid) as process:
        server.kill()
        server.wait()
        assert process.wait(60) == 0
    assert queue.get_job(job.id).status is Status.DONE
    assert living_worker() is None


def test_a_job_is_not_begun_by_a_program_that_has_changed(monkeypatch):
    job, started = queue.submit("who", {}), []
    waits = Standby(os.getpid())
    monkeypatch.setattr(standby, "program_stamp", lambda: "another")
    run_worker(handlers={"who": lambda *_: pytest.fail("begun")}, poll_s=0.01, standby=waits)
    left = queue.get_job(job.id)
    assert (left.status, left.attempts) == (Status.QUEUED, 0)
    monkeypatch.setattr(supervisor, "ensure_worker", started.append)
    supervisor._hand_over(waits)
    assert started == [worker_command(os.getpid())]


def test_nobody_is_started_for_a_changed_program_without_work(monkeypatch, home):
    monkeypatch.setattr(supervisor, "ensure_worker", lambda *_: pytest.fail("started"))
    supervisor._hand_over(Standby(os.getpid()))


def test_a_worker_stays_while_its_server_lives_and_memory_is_free(monkeypatch):
    monkeypatch.setattr(standby, "free_memory_bytes", lambda: 50)
    monkeypatch.setattr(standby, "memory_bytes", lambda: 100)
    waits = Standby(os.getpid())
    assert not waits.leaves()
    assert Standby(2**22 + 1).leaves()
    monkeypatch.setattr(standby, "free_memory_bytes", lambda: 9)
    assert waits.leaves()


def test_the_stamp_changes_with_the_program_and_not_with_what_python_compiles(program, monkeypatch):
    monkeypatch.setattr(standby, "REPOSITORY", program)
    before = program_stamp()
    (program / "cellapp" / "__pycache__").mkdir()
    (program / "cellapp" / "__pycache__" / "errors.pyc").write_bytes(b"1")
    assert program_stamp() == before
    (program / "cellapp" / "new.py").write_text("")
    added = program_stamp()
    (program / "cellapp" / "new.py").unlink()
    assert added != before == program_stamp()


@pytest.fixture
def asked(monkeypatch):
    """How often a worker was asked for."""
    calls = []
    monkeypatch.setattr(worker_process, "ensure_worker", lambda: calls.append(1))
    monkeypatch.setattr(standby, "_asked_s", float("-inf"))
    monkeypatch.setattr(standby, "free_memory_bytes", lambda: 50)
    monkeypatch.setattr(standby, "memory_bytes", lambda: 100)
    monkeypatch.setenv("CELLAPP_WORKER__START_EARLY", "true")
    app_settings.cache_clear()
    return calls


def test_many_visits_ask_once_for_a_worker(asked):
    for _ in range(5):
        start_early()
    assert asked == [1]
    start_early(every_s=0)
    assert asked == [1, 1]


@pytest.mark.parametrize("reason", ["setting", "memory", "disk"])
def test_no_worker_is_started_early_where_it_should_not_or_cannot(asked, monkeypatch, reason):
    if reason == "setting":
        monkeypatch.setenv("CELLAPP_WORKER__START_EARLY", "false")
        app_settings.cache_clear()
    elif reason == "memory":
        monkeypatch.setattr(standby, "free_memory_bytes", lambda: 15)
    else:
        monkeypatch.setattr(worker_process, "ensure_worker", lambda: os.mkdir("/nowhere/home"))
    start_early()
    assert asked == []


def test_the_worker_waits_as_long_as_the_settings_say(monkeypatch):
    monkeypatch.setenv("CELLAPP_WORKER__IDLE_SECONDS", "77")
    app_settings.cache_clear()
    command = worker_command(5)
    assert command[command.index("--idle-s") + 1] == "77.0"
    assert command[command.index("--server") + 1] == "5"
