"""Walk the pages of a run of many cells: server time of a page switch, of a rerun, and of a fresh server's first page.

python -m benchmarks.pages
python -m benchmarks.pages --cells 500000 --against OLD_CHECKOUT   # both versions in turn, with equal stores
python -m benchmarks.pages --served     # processor time of a real server for a rerun of each page
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import child
from benchmarks.compare import report, spread
from benchmarks.page_times import open_app, seeded


def main() -> None:
    """Measure in a store of its own, which is deleted afterwards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="Another version, measured in turn.")
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
    with tempfile.TemporaryDirectory() as base:
        home = Path(base) / "now"
        os.environ["CELLAPP_HOME"] = str(home)
        figures = measure(home, chosen.cells, chosen.rounds, chosen.against)
    report(
        f"Pages of a run of {figures['n_cells']:,} cells answer at once",
        "rerun, warm: median <= 300 ms server time (500,000 cells: 700 ms); first page of a fresh server <= 3 s",
        **figures,
    )


def measure(home: Path, n_cells: int, rounds: int, against: Path | None = None) -> dict[str, object]:
    """Open the first page of a fresh process, then every page of one visit again and again."""
    run_id, n_made = seeded(home, n_cells)
    fresh = child.run("benchmarks.pages", ["--first-of", run_id]).said
    figures = {"n_cells": n_made, "first_page_s": fresh["first_page_s"], "rounds": rounds}
    sides = {"": (child.ROOT, home)}
    if against is not None:
        sides["before_"] = (against.resolve(), home.with_name("before"))
    found: dict[str, dict[str, dict[str, list[list[float]]]]] = {}
    for _ in range(1 if against is None else 2):
        for side, (checkout, store) in sides.items():
            found[side] = _joined(found.get(side), _times(checkout, store, n_cells, rounds))
    for side, times in found.items():
        for what, of_pages in times.items():
            every = [pair for pairs in of_pages.values() for pair in pairs]
            figures |= spread(f"{side}{what}_ms", [round(pair[0], 1) for pair in every])
            figures[f"{side}{what}_ms_by_page"] = _medians(of_pages, 0)
            figures[f"{side}{what}_processor_ms_by_page"] = _medians(of_pages, 1)
    return figures


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
    every = [round(one, 1) for some in spent.values() for one in some]
    by_page = {name: round(statistics.median(some)) for name, some in spent.items()}
    return {**spread("processor_ms", every), "processor_ms_by_page": by_page, "rounds": rounds}


def first_page(run_id: str) -> dict[str, float]:
    """Open a page in a process that has imported what a server imports before it answers, and nothing else."""
    importlib.import_module("app")
    start = time.perf_counter()
    open_app(run_id)
    return {"first_page_s": round(time.perf_counter() - start, 2)}


def _times(checkout: Path, home: Path, n_cells: int, rounds: int) -> dict[str, dict[str, list[list[float]]]]:
    """Run one version of the program in a process of its own."""
    script = child.ROOT / "benchmarks" / "page_times.py"
    command = [sys.executable, "-P", str(script), str(home), str(n_cells), str(rounds)]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    said = subprocess.run(command, cwd=checkout, env=environment, check=True, capture_output=True, text=True).stdout
    return json.loads(said.splitlines()[-1])


def _joined(
    one: dict[str, dict[str, list[list[float]]]] | None, two: dict[str, dict[str, list[list[float]]]]
) -> dict[str, dict[str, list[list[float]]]]:
    if one is None:
        return two
    return {what: {page: one[what][page] + pairs for page, pairs in pages.items()} for what, pages in two.items()}


def _medians(times: dict[str, list[list[float]]], which: int) -> dict[str, int]:
    return {name: round(statistics.median(pair[which] for pair in pairs)) for name, pairs in times.items()}


if __name__ == "__main__":
    main()
