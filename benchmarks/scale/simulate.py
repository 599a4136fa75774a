"""From what the steps of two recorded slides cost to the time a slide of any size takes with any number of workers.

A discrete-event simulation: a step is done alone, then its parts are handed out one after the other by the scheduler,
which takes a while for each, to whichever worker is free first; the next step begins when the last part has ended, and
what the process that handed them out does meanwhile.
Reading and writing of shared storage is part of what a part costs here, so that storage that slows down when many ask
at once is not in it, and neither are failures.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.scale.record import Record

WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True)
class Work:
    """A step of a run: seconds of one process alone, then parts for any number of them."""

    name: str
    alone_s: float
    parts_s: tuple[float, ...] = ()
    beside_s: float = 0.0  # of that process while others do the parts


@dataclass(frozen=True)
class Outcome:
    """Where the time of a simulated run goes, seconds."""

    total: float
    alone: float
    scheduler: float  # workers wait for the scheduler
    first: float  # workers load models and open the slide
    idle: float  # of the mean worker, while others end the last parts of a step


def scaled(small: Record, large: Record, megapixels: float) -> list[Work]:
    """Return the steps of a slide of some size: alone a fixed time and one per area, in parts as many as the area has.

    Parameters
    ----------
    small, large : Record
        Of two slides of different area and the same cells.
    megapixels : float
    """
    names = list(dict.fromkeys(step.name for step in large.steps))
    return [_scaled(name, small, large, megapixels) for name in names]


def _scaled(name: str, small: Record, large: Record, megapixels: float) -> Work:
    alone, beside = (_seconds(kind, name, small, large, megapixels) for kind in ("alone_s", "beside_s"))
    parts = [spent for step in large.steps if step.name == name for spent in step.parts_s]
    n_parts = math.ceil(len(parts) * megapixels / large.megapixels)
    return Work(name, alone, tuple(itertools.islice(itertools.cycle(parts), n_parts)) if parts else (), beside)


def _seconds(kind: str, name: str, small: Record, large: Record, megapixels: float) -> float:
    low, high = (sum(getattr(step, kind) for step in one.steps if step.name == name) for one in (small, large))
    slope = max(high - low, 0.0) / (large.megapixels - small.megapixels)
    return max(high + slope * (megapixels - large.megapixels), 0.0)


def simulate(steps: Sequence[Work], n_workers: int, *, handling_s: float = 0.0, first_s: float = 0.0) -> Outcome:
    """Let workers do the steps of a run.

    Parameters
    ----------
    steps : sequence of Work
    n_workers : int
    handling_s : float
        What the scheduler takes for each part.
    first_s : float
        What a worker takes before its first part.
    """
    now = alone = scheduler = first = idle = 0.0
    fresh = set(range(n_workers))
    for step in steps:
        now, alone, begun = now + step.alone_s, alone + step.alone_s, now + step.alone_s
        free, turn, busy = [(now, worker) for worker in range(n_workers)], now, 0.0
        for part in step.parts_s:
            at, worker = heapq.heappop(free)
            turn = max(turn, at) + handling_s
            starts = first_s if worker in fresh else 0.0
            fresh.discard(worker)
            scheduler, first, busy = scheduler + turn - at, first + starts, busy + starts + part + turn - at
            heapq.heappush(free, (turn + starts + part, worker))
        now = max(begun + step.beside_s, *(end for end, _ in free)) if step.parts_s else now
        idle += (n_workers * (now - begun) - busy) / n_workers
    return Outcome(now, alone, scheduler / n_workers, first / n_workers, idle)


def curve(steps: Sequence[Work], *, handling_s: float, first_s: float) -> list[dict[str, float | str | int]]:
    """Return time, efficiency and the largest loss for each of `WORKERS`, over one worker that is at work already."""
    single, rows = simulate(steps, 1, handling_s=handling_s).total, []
    for n in WORKERS:
        found = simulate(steps, n, handling_s=handling_s, first_s=first_s)
        losses = {
            "what one process does alone": found.alone * (n - 1) / n,
            "the scheduler": found.scheduler,
            "starting workers": found.first,
            "too few parts": found.idle,
        }
        rows.append(
            {
                "workers": n,
                "seconds": round(found.total, 2),
                "efficiency": round(single / (n * found.total), 3),
                "largest_loss": max(losses, key=losses.__getitem__),
                "of_it_s": round(max(losses.values()), 2),
            }
        )
    return rows
