"""How every benchmark measures: sides in turn, so that a drifting machine hits both alike."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

import torch

Work = Callable[[], object]


def paired(ours: Work, theirs: Work, *, runs: int = 5) -> dict[str, float]:
    """Time two callables in turn, after one warm-up each; `ratio` is theirs over ours, pair by pair.

    ``ratio`` is of elapsed time. ``cpu_ratio`` is of the processor time of this process, which other programs on the
    same cores change little; it leaves out what a side waits for.
    """
    pairs = alternate((ours, theirs), runs=runs)
    wall, cpu = ([b[clock] / a[clock] for a, b in pairs] for clock in (0, 1))
    return {
        **spread("ratio", wall),
        **spread("cpu_ratio", cpu),
        "ours_median_s": statistics.median(a[0] for a, _ in pairs),
        "theirs_median_s": statistics.median(b[0] for _, b in pairs),
        "runs": runs,
    }


def alternate(works: tuple[Work, ...], *, runs: int) -> list[list[tuple[float, float]]]:
    """Run all in turn, `runs` times after one warm-up; per run and callable seconds elapsed and of the processor."""
    for work in works:
        work()
    return [[seconds(work) for work in works] for _ in range(runs)]


def spread(name: str, values: list[float]) -> dict[str, float]:
    """Median, smallest and largest of some figures, by name."""
    return {name: statistics.median(values), f"{name}_min": min(values), f"{name}_max": max(values)}


def report(claim: str, target: str, **figures: object) -> None:
    """Print the result as one JSON object."""
    made = {"date": f"{datetime.now(UTC):%Y-%m-%d}", **machine()}
    print(json.dumps({"claim": claim, "target": target, **figures, **made}))


def machine() -> dict[str, object]:
    """Return what the figures depend on: processor, cores used, how busy they were with other work, torch."""
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    capability = torch.backends.cpu.get_cpu_capability()
    words = f"{platform.machine()} {capability}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"
    return {"machine": f"{words}, torch {torch.__version__}", "load_1_min": busy}


def seconds(work: Work) -> tuple[float, float]:
    """Return how long a callable took: seconds elapsed and of the processor."""
    start, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - cpu
