"""Two workers are never at one run: the second waits until the first has let go or is dead."""

import os
import subprocess
import sys
import threading

import pytest

from cellapp.errors import Cancelled
from cellapp.jobs.run_lock import only_worker
from tests.paths import ROOT


def test_the_second_waits_for_the_first_and_says_so():
    order, said, inside = [], [], threading.Event()

    def second():
        inside.wait()
        with only_worker("run", lambda step, fraction: said.append(step)):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with only_worker("run", lambda *_: None), only_worker("other", lambda *_: None):
        inside.set()
        thread.join(timeout=0.8)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert set(said) == {"Waiting for another worker to leave this run"}


def test_who_is_told_to_stop_waits_no_longer():
    def stop(*_):
        raise Cancelled("stopped because somebody asked for it")

    with only_worker("run", lambda *_: None), pytest.raises(Cancelled), only_worker("run", stop):
        pass


def test_a_killed_worker_holds_nothing(home):
    code = (
        "from cellapp.jobs.run_lock import only_worker\nimport sys, time\n"
        "with only_worker('run', print): print('in', flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment) as worker:
        assert worker.stdout.readline() == b"in\n"
        said = []

        def kill(*step):
            said.append(step)
            worker.kill()

        with only_worker("run", kill):
            assert said
