"""A job that takes too much dies alone: it fails in words, the others are done, and no image is tried for ever."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace

import psutil
import pytest

from cellapp.compute.machine import free_memory_bytes, memory_bytes, own_memory_bytes
from cellapp.config import app_settings
from cellapp.errors import InputError
from cellapp.jobs import queue, supervisor
from cellapp.jobs.supervisor import _cause, _Watch, supervise
from cellapp.jobs.worker_process import living_worker
from cellapp.store.costly_images import MOST_TRIES, Limits, job_limits, note_end, opening, telling
from cellapp.store.records import Status
from tests.jobs import costly_jobs
from tests.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("database")]

LIMITS = Limits(memory_bytes=700_000_000, seconds=60, step_seconds=5)
HANDLERS = {name: getattr(costly_jobs, name) for name in ("eat", "hang", "double", "wait")}
IMAGE, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def little(monkeypatch):
    """Few megabytes and seconds for each job, in every process of the test."""
    for name, value in asdict(LIMITS).items():
        monkeypatch.setenv(f"CELLAPP_JOB__{name.upper()}", str(value))
    app_settings.cache_clear()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # what dies here is no matter of the database
def test_each_job_dies_alone_and_says_why(little):
    first, hang = queue.submit("double", {"n": 1}), queue.submit("hang", {})
    eat, last = queue.submit("eat", {"image": IMAGE}), queue.submit("double", {"n": 2})
    supervise(once=True, handlers=HANDLERS)
    ends = {job.id: queue.get_job(job.id) for job in (first, hang, eat, last)}
    assert [ends[job.id].result for job in (first, last)] == [{"n": 2}, {"n": 4}]
    assert "ended its process 2 times (it came no further for 5 s)" in ends[hang.id].error
    for limit in asdict(LIMITS):
        assert f"CELLAPP_JOB__{limit.upper()}" in ends[hang.id].error
        assert f"CELLAPP_JOB__{limit.upper()}" in ends[eat.id].error
    assert ends[eat.id].error.startswith("'huge.tif' ended the process that read it (it took more than 0.7 GB")
    assert all("\n" not in (job.error or "") for job in ends.values())
    assert living_worker() is None


def start_supervisor():
    code = (
        "from tests.jobs.test_supervisor import HANDLERS; from cellapp.jobs.supervisor import supervise; "
        "supervise(handlers=HANDLERS)"
    )
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)


def wait_until(true, seconds=180):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_a_killed_worker_is_replaced_and_its_job_goes_on_and_sigterm_gives_it_back():
    job = queue.submit("wait", {})
    process = start_supervisor()
    wait_until(lambda: queue.get_job(job.id).step == "waiting")
    (worker,) = [child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())]
    worker.kill()
    wait_until(lambda: queue.get_job(job.id).attempts == 2)
    process.terminate()
    assert process.wait(60) == 0
    back = queue.get_job(job.id)
    assert (back.status, back.attempts) == (Status.QUEUED, 1)


def test_the_worker_dies_with_the_process_that_watches_it():
    queue.submit("hang", {})
    process = start_supervisor()
    wait_until(lambda: any(job.status is Status.RUNNING for job in queue.list_jobs()))
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children))


def test_a_database_that_is_away_is_one_sentence(monkeypatch, capfd):
    monkeypatch.setenv("CELLAPP_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/none")
    app_settings.cache_clear()
    from cellapp.cli import main

    assert main(["worker", "--once"]) == 1
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "used", "passed_s", "why"),
    [
        ([("job", "1", "w")], 10**9, 0, "more than 0.7 GB"),
        ([("job", "1", "w")], 0, 6, "no further"),
        ([("job", "1", "w")], 0, 2, ""),
        ([], 10**9, 100, ""),
        ([("job", "1", "w"), ("end",)], 10**9, 100, ""),
    ],
)
def test_only_a_job_in_hand_is_held_to_limits(monkeypatch, words, used, passed_s, why):
    watch = _Watch(LIMITS)
    for word in words:
        watch.hear(*word)
    now_s = time.monotonic() + passed_s
    monkeypatch.setattr(supervisor, "own_memory_bytes", lambda _: used)
    monkeypatch.setattr(supervisor.time, "monotonic", lambda: now_s)
    found = watch.exceeded(1)
    assert why in found
    assert bool(found) == bool(why)


def test_steps_do_not_lengthen_the_whole(monkeypatch):
    watch = _Watch(replace(LIMITS, memory_bytes=10**13))  # the process of the tests may hold more than theirs
    watch.hear("job", "1", "w")
    watch.start_s -= 61
    watch.hear("step")
    assert "longer than 60 s" in watch.exceeded(os.getpid())


def test_who_is_killed_with_little_memory_is_not_to_blame():
    little = Limits(free_memory_bytes() // 100, 1, 1)
    assert _cause(-signal.SIGKILL, _Watch(little)) == ""
    assert "SIGKILL" in _cause(-signal.SIGKILL, _Watch(little, peak_bytes=little.memory_bytes))
    assert "SIGSEGV" in _cause(-signal.SIGSEGV, _Watch(little))
    assert _cause(1, _Watch(little)) == ""


def test_the_server_reads_nothing_that_ended_a_worker_and_a_worker_tries_once_more():
    told = []
    opening(IMAGE, "a.tif")
    note_end(IMAGE, "it took more than 1 GB of memory", job_limits())
    with pytest.raises(InputError, match=r"'a.tif' ended the process that read it \(it took more than 1 GB"):
        opening(IMAGE, "a.tif")
    with telling(told.append):
        opening(IMAGE, "a.tif")
        assert note_end(IMAGE, "again", job_limits()) == MOST_TRIES
        with pytest.raises(InputError, match="again"):
            opening(IMAGE, "a.tif")
    assert told == [IMAGE]
    opening(OTHER, "b.tif")


@pytest.mark.parametrize("name", ["MEMORY_BYTES", "SECONDS", "STEP_SECONDS"])
def test_higher_limits_let_an_image_in_again(monkeypatch, name):
    note_end(IMAGE, "too much", job_limits())
    monkeypatch.setenv(f"CELLAPP_JOB__{name}", str(10**12))
    app_settings.cache_clear()
    opening(IMAGE, "a.tif")


def test_limits_follow_the_machine():
    assert 0 < job_limits().memory_bytes < memory_bytes() <= psutil.virtual_memory().total
    assert 0 < free_memory_bytes() <= psutil.virtual_memory().available * 1.5


def test_own_memory_is_that_of_a_process_and_its_descendants():
    hold = "import sys; held = b'x' * {}; print(flush=True); sys.stdin.read()"
    start = "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', sys.argv[1]]); "
    command = [sys.executable, "-c", start + hold.format(40_000_000), hold.format(60_000_000)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == process.stdout.readline() == b"\n"
        assert 100_000_000 < own_memory_bytes(process.pid) < 200_000_000
        process.stdin.close()
    assert own_memory_bytes(2**22 + 1) == 0
