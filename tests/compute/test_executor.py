"""Engines: the same map here, in other processes and on a cluster."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from types import ModuleType

import psutil
import pytest

from cellapp.compute.executor import Engine
from cellapp.errors import Cancelled, EngineError, InputError
from cellapp.files import clean_name
from tests.paths import ROOT

pytestmark = pytest.mark.slow


def die(_):
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(value):
    raise InputError(f"{value} cannot be used")


def process_id(_):
    return os.getpid()


def threads_and_torch(_):
    return os.environ["OMP_NUM_THREADS"], "torch" in sys.modules


@pytest.mark.parametrize("address", ["serial", "processes:2"])
def test_every_item_comes_back_once(address):
    with Engine(address).open() as run:
        assert sorted(run(partial(pow, 2), range(5))) == [1, 2, 4, 8, 16]
        assert list(run(str, [])) == []


def test_work_is_handed_out_before_its_results_are_read(tmp_path):
    made = tmp_path / "made"
    with Engine("processes:1").open() as run:
        results = run(Path.touch, [made])
        until = time.monotonic() + 60
        while not made.exists() and time.monotonic() < until:
            time.sleep(0.01)
        assert made.exists()
        assert list(results) == [None]


def test_processes_start_without_torch_and_share_the_cores(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))  # pages leave theirs, which would start again
    with Engine("processes:1000").open() as run:
        assert list(run(threads_and_torch, [0])) == [("1", False)]


def test_what_a_task_says_is_heard_here():
    with Engine("processes:1").open() as run, pytest.raises(InputError, match="3 cannot be used"):
        list(run(refuse, [3]))


UNGUARDED = """
from cellapp.compute.executor import Engine
from cellapp.errors import EngineError
with Engine("processes:1").open() as run:
    try:
        list(run(str, [1]))
    except EngineError as error:
        print(error)
"""


def test_processes_that_cannot_start_are_told_from_killed_ones(tmp_path):
    script = tmp_path / "unguarded.py"
    script.write_text(UNGUARDED)
    told = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=60
    )
    assert "no process could be started" in told.stdout
    assert "--engine serial" in told.stdout


def test_a_killed_process_is_said_plainly():
    with Engine("processes:1").open() as run, pytest.raises(EngineError, match="processes:N.*--resume"):
        list(run(die, [1]))


ORPHANS = """
import os, sys, time
from cellapp.compute.executor import Engine
if __name__ == "__main__":
    with Engine("processes:1").open() as run:
        for n in run(str, [os.getpid()]):
            children = open(f"/proc/{n}/task/{n}/children").read().split()
            print(" ".join(children), flush=True)
            time.sleep(60)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="needs /proc to see other processes")
def test_processes_end_with_the_one_that_started_them(tmp_path):
    script = tmp_path / "orphans.py"
    script.write_text(ORPHANS)
    parent = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    children = [int(number) for number in parent.stdout.readline().split()]
    parent.kill()
    parent.wait()
    end = time.monotonic() + 30
    while any(alive(child) for child in children):
        assert time.monotonic() < end, "processes outlive the one that started them"
        time.sleep(0.1)
    assert children


def alive(number):
    try:
        return open(f"/proc/{number}/stat").read().split()[2] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("address", ["parallel", "", "host:1", "processes:", "processes:0", "processes:-1", "Serial"])
def test_an_engine_is_serial_processes_or_an_address(address):
    with pytest.raises(InputError, match=r"serial, processes, processes:N or tcp"):
        Engine(address)


def test_processes_are_as_many_as_asked_for_or_as_cores():
    assert Engine("processes:3").n_processes == 3
    assert 1 <= Engine("processes").n_processes <= os.cpu_count()


def test_a_cluster_that_is_not_there_is_said_plainly(monkeypatch):
    monkeypatch.setattr("cellapp.compute.executor._CONNECT_S", 1)
    with pytest.raises(InputError, match="no Dask scheduler answers at tcp://127.0.0.1:1"):
        Engine("tcp://127.0.0.1:1").open().__enter__()


def test_this_process_does_one_item_after_the_other_as_results_are_asked_for():
    begun = []
    with Engine().open() as run:
        results = run(lambda item: begun.append(item) or item, [1, 2, 3])
        assert next(results) == 1
        assert begun == [1], "a cancel between two results must find the rest undone"


def test_processes_end_with_the_block_even_when_it_is_left_early():
    with suppress(Cancelled), Engine("processes:1").open() as run:
        worker = psutil.Process(next(run(process_id, [0, 1, 2])))
        raise Cancelled("stopped by the user")
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE


def wait_for(run, begun, ended):
    """Wait for many parts, as a thread does."""
    try:
        for _ in run(time.sleep, [0.1] * 200):
            begun.set()
    except CancelledError:
        ended.set()


@pytest.mark.parametrize("kind", ["processes:1", "tcp://"])
def test_parts_that_another_thread_waits_for_are_called_off_when_the_block_ends(kind):
    from dask.distributed import LocalCluster

    dask = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    with LocalCluster(**dask) if kind == "tcp://" else nullcontext() as cluster:
        begun, ended, address = threading.Event(), threading.Event(), cluster.scheduler_address if cluster else kind
        with Engine(address).open() as run:
            thread = threading.Thread(target=wait_for, args=(run, begun, ended))
            thread.start()
            assert begun.wait(60)
        thread.join(10)
        assert ended.is_set()


def test_several_maps_share_the_processes_of_a_block():
    with Engine("processes:1").open() as run:
        first, second = (list(run(process_id, [0])) for _ in range(2))
    assert first == second
    assert first != [os.getpid()]


@pytest.mark.parametrize("address", ["serial", "processes", "processes:4", "tcp://host:8786", "tls://host:1"])
def test_tasks_leave_this_process_unless_it_is_serial(address):
    assert Engine(address).parallel == (address != "serial")


@pytest.fixture
def dask_process(tmp_path):
    """Start a part of a cluster as a person does, in a folder: `dask_process("scheduler", ..., folder=...)`."""
    processes = []

    def start(*words, folder, sees_folder=True):
        command = [sys.executable, *([] if sees_folder else ["-P"]), "-m", "dask", *words]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        processes.append(subprocess.Popen(command, cwd=folder, env=environment, **quiet))

    yield start
    for process in reversed(processes):  # a worker ends at once while its scheduler is there
        process.terminate()
        process.wait()


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def test_the_cluster_of_the_readme_does_the_work(dask_process, tmp_path):
    address = free_address()
    dask_process("scheduler", "--port", address.rpartition(":")[2], "--no-dashboard", folder=ROOT)
    memory = ("--nworkers", "1", "--nthreads", "1", "--memory-limit", "1GB", "--no-dashboard")
    dask_process("worker", address, *memory, "--local-directory", str(tmp_path), folder=ROOT)
    names = ["a/b.tif", "c.png"]
    with Engine(address).open() as run:
        assert sorted(run(clean_name, names)) == sorted(map(clean_name, names))


def test_a_cluster_without_the_program_is_said_plainly(dask_process, tmp_path):
    address = free_address()
    port = address.rpartition(":")[2]
    dask_process("scheduler", "--port", port, "--no-dashboard", folder=tmp_path, sees_folder=False)
    with (
        pytest.raises(EngineError, match="cannot import cellapp: start both in its folder"),
        Engine(address).open() as run,
    ):
        list(run(clean_name, ["a.tif"]))
