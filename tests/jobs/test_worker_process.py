import json
import logging
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from cellapp.jobs.worker_process import (
    announce,
    ensure_worker,
    living_worker,
    log_path,
    logging_to_file,
    stop_on_signals,
    withdraw,
)
from tests.paths import ROOT

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")
ENSURE = f"from cellapp.jobs.worker_process import ensure_worker; print(ensure_worker({SLEEP!r}))"


@pytest.fixture(autouse=True)
def _leave_nobody():
    yield
    pid = living_worker()
    if pid not in (None, os.getpid()):
        kill(pid)


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:  # a child of another process, which is gone too
        while living_worker() == pid:
            time.sleep(0.02)


def test_a_worker_is_started_when_there_is_none_and_only_then():
    assert living_worker() is None
    pid = ensure_worker(SLEEP)
    assert living_worker() == pid
    assert ensure_worker(SLEEP) is None


def test_many_callers_at_once_start_one():
    with ThreadPoolExecutor(8) as pool:
        started = list(pool.map(lambda _: ensure_worker(SLEEP), range(16)))
    assert len([pid for pid in started if pid]) == 1


def test_many_processes_at_once_start_one():
    callers = [
        subprocess.Popen([sys.executable, "-c", ENSURE], cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in "ab"
    ]
    printed = sorted(caller.communicate(timeout=60)[0].strip() for caller in callers)
    assert printed == sorted([str(living_worker()), "None"])


def test_after_a_kill_another_one_is_started():
    first = ensure_worker(SLEEP)
    kill(first)
    assert living_worker() is None
    assert ensure_worker(SLEEP) not in (None, first)


def test_a_dead_child_nobody_asked_after_does_not_count_as_alive():
    pid = ensure_worker((sys.executable, "-c", ""))
    deadline = time.monotonic() + 30
    while living_worker() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert living_worker() is None
    os.waitpid(pid, 0)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "{}",
        "[]",
        '{"pid": "x", "created": 0, "host": ""}',
        pytest.param(f'{{"pid": {os.getpid()}, "created": 1, "host": "h"}}', id="another host"),
    ],
)
def test_a_file_that_is_damaged_or_names_somebody_else_names_nobody(home, content):
    home.mkdir()
    (home / "worker.json").write_text(content)
    assert living_worker() is None
    assert announce()


def test_a_number_that_was_given_to_another_process_names_nobody(home):
    announce()
    entry = json.loads((home / "worker.json").read_text())
    (home / "worker.json").write_text(json.dumps(entry | {"created": entry["created"] - 1000}))
    assert living_worker() is None


def test_a_worker_announces_itself_and_withdraws():
    assert announce()
    assert announce()
    assert living_worker() == os.getpid()
    assert ensure_worker(SLEEP) is None
    assert not withdraw(unless=lambda: True)
    assert living_worker() == os.getpid()
    assert withdraw()
    assert living_worker() is None


def test_a_second_worker_does_not_take_the_place_of_a_living_one():
    pid = ensure_worker(SLEEP)
    assert not announce()
    assert withdraw()
    assert living_worker() == pid


def test_what_a_worker_prints_is_kept_and_the_package_is_found_from_anywhere(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pid = ensure_worker((sys.executable, "-c", "import cellapp; print('here', cellapp.__file__)"))
    os.waitpid(pid, 0)
    assert "here" in (home / "logs" / "worker-output.log").read_text()


def test_the_first_signal_asks_and_the_second_would_end():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    with stop_on_signals() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(5)
        assert signal.getsignal(signal.SIGTERM) == before[signal.SIGTERM]
    assert {number: signal.getsignal(number) for number in before} == before


def test_a_log_is_written_while_asked_for_and_closed_after(home):
    logger = logging.getLogger("cellapp.test")
    with logging_to_file(logger, "test"):
        logger.info("kept")
    logger.info("not kept")
    assert log_path("test").parent == home / "logs"
    assert "kept" in log_path("test").read_text()
    assert "not kept" not in log_path("test").read_text()


def test_a_worker_that_the_app_starts_computes_behind_the_pages():
    pid = ensure_worker(SLEEP)
    assert psutil.Process(pid).nice() > psutil.Process().nice() or psutil.Process().nice() >= 10
