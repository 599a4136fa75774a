"""A real Dask scheduler and workers on this machine: what a part costs the scheduler, and what two workers gain."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil

from benchmarks.child import ROOT
from cellapp.compute.executor import Engine
from cellapp.files import clean_name
from cellapp.images.read import open_slide
from cellapp.pipeline.run_batch import run_images
from cellapp.pipeline.run_inputs import RunItem
from cellapp.settings import AnalyseSettings

QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": ROOT}


@contextmanager
def cluster(n_workers: int, folder: Path) -> Iterator[tuple[str, psutil.Process, list[psutil.Process]]]:
    """Start a scheduler and workers as docs/clusters.md says; give address and processes, and end them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address, dask = f"tcp://127.0.0.1:{port}", [sys.executable, "-m", "dask"]
    started = [subprocess.Popen([*dask, "scheduler", "--port", str(port), "--no-dashboard"], **QUIET)]
    options = ["--nworkers", "1", "--nthreads", "1", "--no-dashboard", "--local-directory", str(folder)]
    try:
        started += [subprocess.Popen([*dask, "worker", address, *options], **QUIET) for _ in range(n_workers)]
        _wait_for(address, n_workers)
        scheduler, *nannies = (psutil.Process(process.pid) for process in started)
        yield address, scheduler, [child for nanny in nannies for child in nanny.children(recursive=True)]
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()


def _wait_for(address: str, n_workers: int) -> None:
    from dask.distributed import Client

    with Client(address, timeout=120, set_as_default=False) as client:
        client.wait_for_workers(n_workers, timeout=120)


def handling(folder: Path, n_parts: int = 1000) -> dict[str, float]:
    """Return what the scheduler and this process spend on a part in which nothing is done, seconds of the processor."""
    with cluster(1, folder) as (address, scheduler, _), Engine(address).open() as run:
        list(run(clean_name, ["a"] * 20))
        before, here = _cpu(scheduler), time.process_time()
        list(run(clean_name, [f"{n}.tif" for n in range(n_parts)]))
        spent, ours = _cpu(scheduler) - before, time.process_time() - here
    return {"scheduler_s_per_part": spent / n_parts, "client_s_per_part": ours / n_parts}


def two_over_one(slides: Sequence[Path], settings: AnalyseSettings, folder: Path) -> dict[str, object]:
    """Return how much of twice the speed of one worker two reach, and their memory; models are loaded before.

    Beside one worker the client has a core of its own where there are two: what it does is free there, and not beside
    two workers. So the same is also measured with the client and one worker on one core.

    Parameters
    ----------
    slides : sequence of Path
        Of one run.
    settings : AnalyseSettings
    folder : Path
        For results.
    """
    with _on_one_core():
        one_core_s, _ = _timed(1, slides, settings, folder / "core")
    one_s, _ = _timed(1, slides, settings, folder / "one")
    two_s, peak_mb = _timed(2, slides, settings, folder / "two")
    return {
        "efficiency_of_two": one_s / (2 * two_s),
        "efficiency_of_two_cores": one_core_s / (2 * two_s),
        "one_core_s": one_core_s,
        "one_s": one_s,
        "two_s": two_s,
        "worker_peak_mb": peak_mb,
    }


def _timed(n_workers: int, slides: Sequence[Path], settings: AnalyseSettings, folder: Path) -> tuple[float, float]:
    """Return the seconds of a run by some workers, and the memory of the largest at its peak, MB."""
    folder.mkdir()
    with cluster(n_workers, folder) as (address, _, workers):
        _seconds(slides[:1], settings, folder / "warm", address)
        return _seconds(slides, settings, folder / "timed", address), max(map(_peak_mb, workers))


@contextmanager
def _on_one_core() -> Iterator[None]:
    """Keep this process, and those that it starts, on one core."""
    cores = os.sched_getaffinity(0)
    _keep_on({min(cores)})
    try:
        yield
    finally:
        _keep_on(cores)


def _keep_on(cores: set[int]) -> None:
    for thread in psutil.Process().threads():
        os.sched_setaffinity(thread.id, cores)


def _seconds(slides: Sequence[Path], settings: AnalyseSettings, out: Path, address: str) -> float:
    start = time.perf_counter()
    items = [RunItem(f"{slide.stem}{number}", partial(open_slide, slide)) for number, slide in enumerate(slides)]
    report = run_images(items, settings, out, engine=Engine(address))
    _check(report.failed)
    return time.perf_counter() - start


def _check(failed: Sequence[object]) -> None:
    if failed:
        raise RuntimeError(str(failed[0]))


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _peak_mb(process: psutil.Process) -> float:
    """Return the largest resident memory of a process: that which the system kept, else the present one."""
    status = Path(f"/proc/{process.pid}/status")
    kept = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return round(int(kept[1]) / 1024 if kept else process.memory_info().rss / 2**20, 1)
