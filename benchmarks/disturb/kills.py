"""Kill the worker and the server (SIGKILL) at moments drawn at random, and compare what the next one makes of it."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx

from benchmarks.disturb import results, scene


def kill_workers(base: Path, n: int, seed: int, n_images: int = 4) -> dict[str, object]:
    """Kill a worker at `n` moments of a run: in turn the process that works, and that with the one that watches it.

    Returns
    -------
    dict
        How often the next worker ended the run, and what differed from the run left alone.
    """
    scene.seed(base / "seeded", n_images)
    alone, whole_s = _undisturbed(base)
    draw, wrong, finished = random.Random(seed), {}, 0
    for number in range(n):
        home, moment_s = scene.copy_home(base / "seeded", base / f"worker-{number}"), draw.uniform(0, whole_s)
        first = scene.start(home, "worker", "--once")
        time.sleep(moment_s)
        finished += results.rows(home, "SELECT status FROM runs") == [("done",)]
        _kill(first, with_watcher=number % 2 == 1)
        statuses = [first.wait(scene.PATIENT_S), scene.start(home, "worker", "--once").wait(scene.PATIENT_S)]
        if (found := results.differences(results.left(home), alone)) or statuses[1]:
            wrong[f"{moment_s:.2f} s"] = [*found, f"exit status {statuses[1]}"]
    return _told("worker", n, whole_s, wrong, alone) | {"worker_killed_after_the_end": finished}


def kill_servers(base: Path, n: int, seed: int, n_images: int = 3) -> dict[str, object]:
    """Kill a server at `n` moments from its start over uploads and the request of a run to its result.

    Whoever got no answer looks what is there and asks for the rest, as a person does.
    """
    images = scene.write_images(base / "images", n_images)
    start_s = time.monotonic()
    alone = _visit(base / "server-alone", images, None)
    whole_s = time.monotonic() - start_s
    draw, wrong = random.Random(seed), {}
    for number in range(n):
        moment_s = draw.uniform(0, whole_s)
        if found := results.differences(_visit(base / f"server-{number}", images, moment_s), alone):
            wrong[f"{moment_s:.2f} s"] = found
    return _told("server", n, whole_s, wrong, alone)


def _undisturbed(base: Path) -> tuple[dict[str, object], float]:
    home, start_s = scene.copy_home(base / "seeded", base / "worker-alone"), time.monotonic()
    if scene.start(home, "worker", "--once").wait(scene.PATIENT_S):
        raise RuntimeError(f"the undisturbed run failed; {base}/worker-alone-worker.log says why")
    return results.left(home), time.monotonic() - start_s


def _kill(worker: subprocess.Popen[bytes], *, with_watcher: bool) -> None:
    inner = [] if with_watcher else scene.children(worker)
    if not inner:
        scene.kill_all(worker)
    for process in inner:
        process.kill()


def _visit(home: Path, images: list[Path], kill_after_s: float | None) -> dict[str, object]:
    """Upload images and have them analysed; the server is killed once where a moment is given, and started again."""
    servers: list[subprocess.Popen[bytes]] = []
    killer = threading.Timer(kill_after_s or 0.0, lambda: [scene.kill_all(server) for server in list(servers)])
    if kill_after_s is not None:
        killer.start()
    try:
        for _ in range(3):
            with suppress(httpx.TransportError, scene.Ended), scene.serving(home, servers) as address:
                _ask(address, home, images)
                return results.left(home)
        raise RuntimeError(f"the server ended more than once; {home.parent}/{home.name}-serve.log says why")
    finally:
        killer.cancel()
        scene.kill_worker_of(home)


def _ask(address: str, home: Path, images: list[Path]) -> None:
    """Ask for what is not there yet, and wait for the result."""
    with httpx.Client(base_url=f"{address}/api", timeout=120) as client:
        there = {image["name"] for image in client.get("/images").raise_for_status().json()}
        for path in images:
            if path.name not in there:
                client.post("/images", files={"file": (path.name, path.read_bytes())}).raise_for_status()
        if not results.rows(home, "SELECT id FROM runs"):
            ids = {image["name"]: image["id"] for image in client.get("/images").raise_for_status().json()}
            asked = {"image_ids": [ids[path.name] for path in images], "settings": scene.RUN}
            client.post("/runs", json=asked).raise_for_status()
        ((run_id,),) = results.rows(home, "SELECT id FROM runs")
        ended = lambda: client.get(f"/runs/{run_id}").json()["status"] not in ("queued", "running")  # noqa: E731
        scene.wait_until(ended, every_s=0.2)


def _told(what: str, n: int, whole_s: float, wrong: dict, alone: dict) -> dict[str, object]:
    return {
        f"{what}_kills": n,
        f"{what}_undisturbed_s": round(whole_s, 1),
        f"{what}_same_as_undisturbed": n - len(wrong),
        f"{what}_differences": wrong,
        f"{what}_cells": len(alone["cells"]),
        f"{what}_files": len(alone["files"]),
    }
