"""A real Dask scheduler and workers on this machine: what a part costs the scheduler, and what two workers gain."""

from __future__ import annotations

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

    Parameters
    ----------
    slides : sequence of Path
        Of one run.
    settings : AnalyseSettings
    folder : Path
        For results.
    """
    seconds, peaks = {}, []
    for n_workers in (1, 2):
        with cluster(n_workers, folder) as (address, _, workers):
            _seconds(slides[:1], settings, folder / f"warm{n_workers}", address)
            seconds[n_workers] = _seconds(slides, settings, folder / f"timed{n_workers}", address)
            peaks = [_peak_mb(worker) for worker in workers]
    return {
        "efficiency_of_two": seconds[1] / (2 * seconds[2]),
        "one_s": seconds[1],
        "two_s": seconds[2],
        "worker_peak_mb": max(peaks),
    }


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
