"""What disturbances start from: a home with images and a queued run, and its processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from benchmarks.child import ROOT

PATIENT_S = 600.0
RUN = {"classify": {"head": "demo-head"}}
"""Settings of every run here: the segmenter that ships with the program, and a head."""

_SETTINGS = {"CELLAPP_DTYPE": "float32", "OMP_NUM_THREADS": "1", "BROWSER": "true"}
"""One number format: on a busy machine two homes may measure different ones to be the faster."""


def write_images(folder: Path, n: int, side: int = 256) -> list[Path]:
    """Write synthetic images of three channels; the same numbers give the same bytes."""
    import tifffile

    from cellapp.synthetic.field import render_field
    from cellapp.synthetic.settings import SyntheticSettings

    folder.mkdir(parents=True, exist_ok=True)
    metadata = {"axes": "CYX", "Channel": {"Name": ["actin", "cytoplasm", "nucleus"]}, "PhysicalSizeX": 0.5}
    paths = [folder / f"image-{seed}.ome.tif" for seed in range(1, n + 1)]
    for seed, path in enumerate(paths, start=1):
        pixels, *_ = render_field(SyntheticSettings(height=side, width=side, seed=seed))
        tifffile.imwrite(path, pixels, ome=True, photometric="minisblack", metadata=metadata)
    return paths


@contextmanager
def store_of(home: Path) -> Iterator[None]:
    """Let this process use the store of a home."""
    from cellapp.config import app_settings
    from cellapp.store import database

    before = os.environ.get("CELLAPP_HOME")
    os.environ["CELLAPP_HOME"] = str(home)
    app_settings.cache_clear()
    database.dispose()
    try:
        yield
    finally:
        database.dispose()
        os.environ.pop("CELLAPP_HOME")
        if before is not None:
            os.environ["CELLAPP_HOME"] = before
        app_settings.cache_clear()


def seed(home: Path, n_images: int, *, n_runs: int = 1) -> list[str]:
    """Make a home with images and queued runs of all of them; returns the ids of the runs."""
    from cellapp.jobs import queue
    from cellapp.settings import AnalyseSettings
    from cellapp.store import projects, runs, uploads

    paths = write_images(home.parent / "images", n_images)
    with store_of(home):
        project = projects.default_project().id
        images = [uploads.add_image(project, path, path.name).id for path in paths]
        made = [runs.create_run(project, images, AnalyseSettings.model_validate(RUN)) for _ in range(n_runs)]
        for run in made:
            queue.submit("analyse", {"run_id": run.id}, project)
    return [run.id for run in made]


def copy_home(home: Path, target: Path) -> Path:
    """Copy a home that no process uses, so that a disturbance starts from the same ids."""
    shutil.copytree(home, target)
    return target


def start(home: Path, *words: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start a command of the program in a session of its own; its output goes to a file beside the home."""
    with (home.parent / f"{home.name}-{words[0]}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "cellapp", *words],
            cwd=ROOT,
            env={**os.environ, **_SETTINGS, "CELLAPP_HOME": str(home), **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def work_off(home: Path, **environment: str) -> int:
    """Have a worker do what is queued; returns its exit status."""
    return start(home, "worker", "--once", **environment).wait(PATIENT_S)


class Ended(RuntimeError):
    """A process ended that should not have."""


@contextmanager
def serving(home: Path, started: list[subprocess.Popen[bytes]] | None = None, **environment: str) -> Iterator[str]:
    """Serve pages and API on a free port and give the address; server and worker are killed at the end.

    Parameters
    ----------
    home : Path
    started : list, optional
        The process is added to it before it answers.
    **environment
        Variables of the server.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = start(home, "serve", "--headless", "--port", str(port), **environment)
    (started if started is not None else []).append(process)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: answers(f"{address}/api/health") or process.poll() is not None)
        if process.poll() is not None:
            raise Ended(f"the server ended; {home.parent}/{home.name}-serve.log says why")
        yield address
    finally:
        kill_all(process)


def answers(address: str) -> bool:
    """Whether a server answers at an address."""
    with suppress(OSError), urllib.request.urlopen(address, timeout=5):
        return True
    return False


def wait_until(true: Callable[[], object], seconds: float = PATIENT_S, every_s: float = 0.05) -> None:
    """Wait until something is true. Raises TimeoutError when it takes too long."""
    end_s = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end_s:
            raise TimeoutError(f"waited for {seconds:g} s in vain")
        time.sleep(every_s)


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that was started here and what it started (SIGKILL); those in sessions of their own live on."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def worker_of(home: Path) -> list[psutil.Process]:
    """Return the worker that a server started for a home, with those that it started; none where there is none."""
    with suppress(OSError, ValueError, KeyError, psutil.Error):
        watcher = psutil.Process(json.loads((home / "worker.json").read_text())["pid"])
        return [watcher, *watcher.children(recursive=True)]
    return []


def kill_worker_of(home: Path) -> None:
    """Kill the worker that a server started for a home, with those that it started."""
    for one in worker_of(home):
        with suppress(psutil.Error):
            one.kill()
            one.wait(10)


def children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return the processes that one started, by their start; none where it has ended."""
    with suppress(psutil.Error):
        return sorted(psutil.Process(process.pid).children(recursive=True), key=lambda one: one.create_time())
    return []
