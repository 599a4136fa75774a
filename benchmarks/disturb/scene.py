"""What disturbances start from: a home with images and a queued run, its processes, and what is left at the end."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from benchmarks.child import ROOT
from benchmarks.same_files import lasting

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


def kill_worker_of(home: Path) -> None:
    """Kill the worker that a server started for a home, with those that it started."""
    with suppress(OSError, ValueError, KeyError, psutil.Error):
        watcher = psutil.Process(json.loads((home / "worker.json").read_text())["pid"])
        for one in [watcher, *watcher.children(recursive=True)]:
            one.kill()
            one.wait(10)


def children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return the processes that one started, by their start; none where it has ended."""
    with suppress(psutil.Error):
        return sorted(psutil.Process(process.pid).children(recursive=True), key=lambda one: one.create_time())
    return []


def rows(home: Path, query: str) -> list[tuple[Any, ...]]:
    """Read from the SQLite database of a home, besides the program."""
    with closing(sqlite3.connect(f"file:{home / 'cellapp.db'}?mode=ro", uri=True, timeout=60)) as connection:
        return connection.execute(query).fetchall()


def left(home: Path) -> dict[str, object]:
    """Return what a home holds besides ids and times: files of runs, cells, states, originals, number of everything.

    Two that hold the same are equal, whichever ids they were given.
    """
    stems = "JOIN run_images i ON i.run_id = c.run_id AND i.image_id = c.image_id"
    columns = ", ".join(f"c.{name}" for _, name, *_ in rows(home, "PRAGMA table_info(cells)") if "_id" not in name)
    return {
        "files": files_of_runs(home),
        "cells": rows(home, f"SELECT i.stem, c.cell_id, {columns} FROM cells c {stems} ORDER BY 1, 2"),
        "states": rows(home, "SELECT stem, status, n_cells, error FROM run_images ORDER BY stem"),
        "runs": rows(home, "SELECT name, status FROM runs ORDER BY name"),
        "images": rows(home, "SELECT name, digest FROM images ORDER BY name"),
        "originals": originals(home),
        "vectors": len(list((home / "vectors").rglob("*.npz"))),
        "vector rows": rows(home, "SELECT count(*) FROM vectors"),
    }


def originals(home: Path) -> list[str]:
    """Return the digests of the stored originals, each checked against its bytes."""
    found = sorted((home / "files").glob("[0-9a-f][0-9a-f]/[0-9a-f]*"))
    whole = [path.name for path in found if hashlib.sha256(path.read_bytes()).hexdigest() == path.name]
    return [*whole, *("damaged" for _ in found[len(whole) :])]


def differences(found: dict[str, object], expected: dict[str, object]) -> list[str]:
    """Name what differs between two results of `left`; of files each one."""
    wrong = [what for what in expected if what != "files" and found[what] != expected[what]]
    ours, theirs = found["files"], expected["files"]
    return wrong + sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))


def files_of_runs(home: Path) -> dict[str, object]:
    """Return what the files of all runs hold, under the name of the run."""
    with closing(sqlite3.connect(home / "cellapp.db")) as connection:
        named = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'runs'").fetchone()[0]
    names, found = dict(rows(home, "SELECT id, name FROM runs")) if named else {}, {}
    for path in sorted((home / "runs").rglob("*")):
        if path.is_file() and path.suffix != ".lock":
            run, *below = path.relative_to(home / "runs").parts
            found["/".join([names.get(run, "of no run"), *below])] = _content(path)
    return found


def _content(path: Path) -> object:
    held = lasting(path)
    return hashlib.sha256(held).hexdigest() if isinstance(held, bytes) else held
