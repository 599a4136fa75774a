"""Walk the pages of a run of many cells: server time of a page switch, of a rerun, and of a fresh server's first page.

python -m benchmarks.pages
python -m benchmarks.pages --served     # processor time of a real server for a rerun of each page
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import child
from benchmarks.compare import report, spread

PAGES = {
    "upload": "pages/analyse/upload.py",
    "segment": "pages/analyse/segment.py",
    "classify": "pages/analyse/classify.py",
    "explain": "pages/analyse/explain.py",
    "runs": "pages/manage/runs.py",
    "models": "pages/manage/models.py",
}


def main() -> None:
    """Measure in a store of its own, which is deleted afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--first-of", metavar="RUN", help=argparse.SUPPRESS)
    parser.add_argument("--served", action="store_true", help="By a real server, over the WebSocket of a browser.")
    chosen = parser.parse_args()
    if chosen.served:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            figures = served(Path(folder), chosen.rounds)
        report("A rerun of a page costs a server little", "processor time at most a third of 0.32 s", **figures)
        return
    if chosen.first_of:
        print(json.dumps(first_page(chosen.first_of)))
        return
    with tempfile.TemporaryDirectory() as home:
        os.environ["CELLAPP_HOME"] = home
        figures = measure(Path(home), chosen.cells, chosen.rounds)
    report(
        f"Pages of a run of {figures['n_cells']:,} cells answer at once",
        "page switch and rerun, warm: median <= 300 ms server time; first page of a fresh server <= 3 s",
        **figures,
    )


def measure(home: Path, n_cells: int, rounds: int) -> dict[str, object]:
    """Open the first page of a fresh process, then every page of one visit again and again."""
    from benchmarks.wide_slide import seed_image, seed_run, shape_for
    from cellapp.jobs import worker_process

    run = seed_run(seed_image(home / "seed", shape_for(n_cells), 3), head="demo-head")
    worker_process.announce()  # no worker of its own takes the cores from the pages
    fresh = child.run("benchmarks.pages", ["--first-of", run.id]).said
    visit = _open(run.id)
    for path in PAGES.values():
        _answer_s(visit, lambda path=path: visit.switch_page(path))
    switches: dict[str, list[float]] = {name: [] for name in PAGES}
    reruns: dict[str, list[float]] = {name: [] for name in PAGES}
    for name, path in list(PAGES.items()) * rounds:
        switches[name].append(1e3 * _answer_s(visit, lambda path=path: visit.switch_page(path)))
        reruns[name].append(1e3 * _answer_s(visit, lambda: None))
    return {
        "n_cells": run.n_cells,
        "first_page_s": fresh["first_page_s"],
        **spread("switch_ms", _all(switches)),
        **spread("rerun_ms", _all(reruns)),
        "switch_ms_by_page": _medians(switches),
        "rerun_ms_by_page": _medians(reruns),
        "rounds": rounds,
    }


def served(base: Path, rounds: int) -> dict[str, object]:
    """Rerun each page of a real server that has nothing else to do, in sessions of their own.

    A server does more for a rerun than the script of a page: it sends what was drawn and collects what is left.
    """
    import psutil

    from benchmarks.disturb import scene
    from benchmarks.disturb.page_session import PAGES as ADDRESSES
    from benchmarks.disturb.page_session import look

    (run_id,) = scene.seed(base / "served", 3)
    scene.work_off(base / "served")
    servers: list[subprocess.Popen[bytes]] = []
    with scene.serving(base / "served", servers) as address:
        for page in ADDRESSES * 2:
            look(address, run_id, page)
        (server,) = psutil.Process(servers[0].pid).children()
        spent: dict[str, list[float]] = {page or "upload": [] for page in ADDRESSES}
        for page in ADDRESSES * rounds:
            before = sum(server.cpu_times()[:2])
            n_reruns = len(look(address, run_id, page))
            spent[page or "upload"].append(1e3 * (sum(server.cpu_times()[:2]) - before) / n_reruns)
    scene.kill_worker_of(base / "served")
    return {**spread("processor_ms", _all(spent)), "processor_ms_by_page": _medians(spent), "rounds": rounds}


def first_page(run_id: str) -> dict[str, float]:
    """Open a page in a process that has imported what a server imports before it answers, and nothing else."""
    importlib.import_module("app")
    start = time.perf_counter()
    _open(run_id)
    return {"first_page_s": round(time.perf_counter() - start, 2)}


def _open(run_id: str) -> object:
    from streamlit.testing.v1 import AppTest

    visit = AppTest.from_file(str(child.ROOT / "app.py"), default_timeout=120)
    visit.query_params["run"] = run_id
    _answer_s(visit, lambda: None)
    return visit


def _answer_s(visit: object, act: Callable[[], object]) -> float:
    """Seconds until the script has run to its end."""
    act()
    start = time.perf_counter()
    visit.run()
    spent = time.perf_counter() - start
    if visit.exception:
        raise RuntimeError(f"a page failed: {visit.exception[0].message}")
    return spent


def _medians(times: dict[str, list[float]]) -> dict[str, int]:
    return {name: round(statistics.median(some)) for name, some in times.items()}


def _all(times: dict[str, list[float]]) -> list[float]:
    return [round(one, 1) for many in times.values() for one in many]


if __name__ == "__main__":
    main()
