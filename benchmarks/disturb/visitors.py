"""Many visitors at once while runs are going: sessions of pages over WebSocket, programs at the API, real browsers."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import psutil

from benchmarks.disturb import scene
from benchmarks.disturb.page_session import PAGES, browser_tab, look

_PAUSE_S = (1.0, 5.0)  # between two looks of a visitor
_PATIENT_S = 120.0


@dataclass
class Crowd:
    """What the visitors of one server saw."""

    address: str
    run_id: str
    stop: threading.Event = field(default_factory=threading.Event)
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"page": [], "rerun": [], "api": [], "browser": []})
    errors: list[str] = field(default_factory=list)
    runs: int = 0

    def visit(self, kind: str, looks: Callable[[random.Random], object], seed: int) -> None:
        """Look again and again until told to stop; each look is timed, and what fails is written down."""
        draw = random.Random(seed)
        while not self.stop.wait(draw.uniform(*_PAUSE_S)):
            start_s = time.monotonic()
            try:
                looks(draw)
            except Exception as error:  # whatever went wrong is a figure here
                self.errors.append(f"{kind}: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
            else:
                self.seconds[kind].append(time.monotonic() - start_s)

    def look(self, draw: random.Random) -> None:
        """Open a page and rerun it."""
        self.seconds["rerun"].extend(look(self.address, self.run_id, draw.choice(PAGES)))

    def browse(self, chromium: str, seed: int) -> None:
        """Go through the pages with a browser until told to stop."""
        with browser_tab(chromium, self.address, self.run_id, self.errors) as open_page:
            self.visit("browser", open_page, seed)

    def call(self, draw: random.Random) -> None:
        """Ask the API for something that is there."""
        one = draw.choice(("images", "projects", f"runs/{self.run_id}", f"runs/{self.run_id}/files", "models"))
        httpx.get(f"{self.address}/api/{one}", timeout=_PATIENT_S).raise_for_status()

    def keep_running(self) -> None:
        """Ask for another run whenever none is going."""
        with httpx.Client(base_url=f"{self.address}/api", timeout=_PATIENT_S) as client:
            ids, going = [image["id"] for image in client.get("/images").json()], self.run_id
            while not self.stop.wait(1.0):
                with suppress(httpx.HTTPError):  # counted where visitors ask
                    if client.get(f"/runs/{going}").json()["status"] not in ("queued", "running"):
                        asked = {"image_ids": ids, "settings": scene.RUN}
                        going, self.runs = client.post("/runs", json=asked).json()["id"], self.runs + 1


def crowd(base: Path, minutes: float, n_pages: int = 12, n_api: int = 6, n_browsers: int = 2) -> dict[str, object]:
    """Let visitors in for some minutes; returns errors, times in ms and the memory of the server in MB."""
    (run_id,) = scene.seed(base / "crowd", 3)
    scene.work_off(base / "crowd")
    servers: list[subprocess.Popen[bytes]] = []
    try:
        with scene.serving(base / "crowd", servers) as address:
            seen = Crowd(address, run_id)
            for page in PAGES:  # what all visits share is loaded before memory is looked at
                look(address, run_id, page)
            threads = _start(seen, n_pages, n_api, n_browsers)
            before = _processor_s(servers[0], base / "crowd")
            memory, load = _watch(servers[0], minutes)
            spent = {who: s - before[who] for who, s in _processor_s(servers[0], base / "crowd").items()}
            seen.stop.set()
            for thread in threads:
                thread.join(2 * _PATIENT_S)
    finally:
        scene.kill_worker_of(base / "crowd")
    return {
        "visitors": n_pages + n_api + n_browsers,
        "minutes": minutes,
        "runs_meanwhile": seen.runs,
        "errors": len(seen.errors),
        "first_errors": seen.errors[:5],
        **{name: value for kind in seen.seconds for name, value in _spread(kind, seen.seconds[kind]).items()},
        **_memory(memory),
        "cores_taken": {who: round(s / (60 * minutes), 2) for who, s in spent.items()},
        "load_1_min_median": round(float(np.median(load)), 1),
    }


def _start(seen: Crowd, n_pages: int, n_api: int, n_browsers: int) -> list[threading.Thread]:
    works = [lambda: seen.keep_running()]
    works += [lambda seed=seed: seen.visit("page", seen.look, seed) for seed in range(n_pages)]
    works += [lambda seed=seed: seen.visit("api", seen.call, seed) for seed in range(100, 100 + n_api)]
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if n_browsers and found is None:
        raise FileNotFoundError("chromium is not installed; install it, or say --browsers 0")
    works += [lambda seed=seed: seen.browse(str(found), seed) for seed in range(200, 200 + n_browsers)]
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    return threads


def _watch(server: subprocess.Popen[bytes], minutes: float) -> tuple[list[tuple[float, float]], list[float]]:
    """Return time and memory of the server's processes in MB every second, and how busy the machine was."""
    start_s, memory, load = time.monotonic(), [], []
    while (passed_s := time.monotonic() - start_s) < 60 * minutes:
        held = [psutil.Process(server.pid), *scene.children(server)]
        memory.append((passed_s, sum(process.memory_info().rss for process in held) / 2**20))
        load.append(os.getloadavg()[0])
        time.sleep(1.0)
    return memory, load


def _processor_s(server: subprocess.Popen[bytes], home: Path) -> dict[str, float]:
    """Return the processor time so far of the server, its worker, what visits it from here, and the whole machine."""
    own, working = psutil.Process(), scene.worker_of(home)
    served = [psutil.Process(server.pid), *scene.children(server)]
    visiting = [own, *(one for one in own.children(recursive=True) if one not in served)]
    all_of_it = psutil.cpu_times()
    return {
        "server": sum(_spent_s(one) for one in served if one not in working),
        "worker": sum(map(_spent_s, working)),
        "visitors": sum(map(_spent_s, visiting)),
        "machine": sum(all_of_it) - all_of_it.idle - getattr(all_of_it, "iowait", 0.0),
    }


def _spent_s(process: psutil.Process) -> float:
    with suppress(psutil.Error):  # it ended meanwhile
        return sum(process.cpu_times()[:2])
    return 0.0


def _memory(memory: list[tuple[float, float]]) -> dict[str, object]:
    """Return memory at the start and the end, and its slope over the second half."""
    later = np.array(memory[len(memory) // 2 :])
    slope, _ = np.polyfit(later[:, 0] / 60, later[:, 1], 1)
    return {
        "memory_mb_at_start": round(memory[0][1]),
        "memory_mb_at_end": round(float(np.median(later[-10:, 1]))),
        "memory_mb_per_minute_in_the_second_half": round(float(slope), 2),
        "memory_mb_each_half_minute": [round(held) for _, held in memory[::30]],
    }


def _spread(kind: str, seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {f"{kind}_looks": 0}
    p50, p95 = np.percentile(seconds, [50, 95])
    return {f"{kind}_looks": len(seconds), f"{kind}_ms_median": round(1e3 * p50), f"{kind}_ms_p95": round(1e3 * p95)}
