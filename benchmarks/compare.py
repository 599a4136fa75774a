"""How every benchmark measures: sides in turn, so that a drifting machine hits both alike."""

from __future__ import annotations

import json
import platform
import statistics
import time
from collections.abc import Callable

import torch


def paired(ours: Callable[[], object], theirs: Callable[[], object], *, runs: int = 5) -> dict:
    """Time two callables in turn, after one warm-up each; `ratio` is theirs over ours, pair by pair."""
    ours(), theirs()
    pairs = [(_seconds(ours), _seconds(theirs)) for _ in range(runs)]
    ratios = [b / a for a, b in pairs]
    return {
        "ratio": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "ours_median_s": statistics.median(a for a, _ in pairs),
        "theirs_median_s": statistics.median(b for _, b in pairs),
        "runs": runs,
    }


def report(claim: str, target: str, **figures: object) -> None:
    """Print the result as one JSON object."""
    machine = f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    print(json.dumps({"claim": claim, "target": target, **figures, "machine": machine}))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
