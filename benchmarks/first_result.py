"""From a cold start to the first result: one process analyses a synthetic slide with the bundled models.

python -m benchmarks.first_result
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.compare import report, spread
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.synthetic.write import write_demo


def first_result(*, side_px: int = 1024, runs: int = 3, warm_ups: int = 1, options: tuple[str, ...] = ()) -> dict:
    """Start ``python -m cellapp analyse`` anew each time; a first one brings files into the system's cache.

    ``wall_s`` is what a user waits. ``cpu_s`` is the processor time of all its threads: on a machine that is busy with
    other work it says more.
    """
    with tempfile.TemporaryDirectory() as scratch:
        slide = write_demo(Path(scratch) / "demo", SyntheticSettings(height=side_px, width=side_px)).slide
        found = [_one_run(slide, Path(scratch) / f"run {i}", options) for i in range(warm_ups + runs)][warm_ups:]
    steps = {name: min(run["seconds"][name] for _, _, run in found) for name in found[0][2]["seconds"]}
    return {
        **spread("wall_s", [wall for wall, _, _ in found]),
        **spread("cpu_s", [cpu for _, cpu, _ in found]),
        "fastest_seconds_by_step": steps,
        "n_cells": found[0][2]["summary"]["n_cells"],
        "side_px": side_px,
        "segmenter": found[0][2]["segmenter"],
        "runs": runs,
    }


def _one_run(slide: Path, out: Path, options: tuple[str, ...]) -> tuple[float, float, dict]:
    """Seconds elapsed, seconds of the processor, and run.json."""
    home = out.with_name(out.name + " home")
    home.mkdir()
    environment = os.environ | {"CELLAPP_HOME": str(home), "CELLAPP_OFFLINE": "1"}
    command = [sys.executable, "-m", "cellapp", "analyse", str(slide), "--out", str(out), *options]
    before, start = _cpu_of_children(), time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    elapsed = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed: {done.stderr}")
    (made,) = out.glob("*/run.json")
    return elapsed, _cpu_of_children() - before, json.loads(made.read_text(encoding="utf-8"))


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure the claim."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--warm-ups", type=int, default=1)
    chosen = parser.parse_args()
    figures = first_result(runs=chosen.runs, warm_ups=chosen.warm_ups)
    report("first result on 1024 x 1024 from a cold start", "<= 15 s", **figures)


if __name__ == "__main__":
    main()
