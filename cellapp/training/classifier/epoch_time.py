"""How long an epoch of fine-tuning takes here, from a few batches that are timed before the first one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from cellapp.pipeline.progress import duration, rough_duration

if TYPE_CHECKING:
    from cellapp.training.classifier.fit_network import Fit
    from cellapp.training.classifier.learner import Learner

_BATCHES = 4  # timed, after one that warms up
_ENOUGH_S = 60.0  # seconds after which no further batch is timed


def time_epoch(fit: Fit, learner: Learner, clock: Callable[[], float] = time.monotonic) -> tuple[float, float]:
    """Time a few batches and return the seconds of an epoch by the fastest and by the slowest of them.

    Parameters
    ----------
    fit : Fit
    learner : Learner
        Learns from the batches: one that is trained afterwards begins anew. Random numbers go on as they would have.
    clock : callable
        Returns seconds.
    """
    import torch

    per_cell: list[float] = []
    begin, size = clock(), learner.recipe.batch
    with torch.random.fork_rng(devices=[]):
        for at in range(1 + _BATCHES):
            rows = np.take(fit.training, np.arange(at * size, (at + 1) * size), mode="wrap")
            start = clock()
            learner.step(*fit.cells.batch(rows), at, per_epoch=max(round(len(fit.training) / size), 1))
            per_cell.append((clock() - start) / len(rows))
            if clock() - begin > _ENOUGH_S:
                break
    timed = per_cell[1:] or per_cell
    scoring = len(fit.validation) * _scoring(fit, learner, clock)
    return len(fit.training) * min(timed) + scoring, len(fit.training) * max(timed) + scoring


def _scoring(fit: Fit, learner: Learner, clock: Callable[[], float]) -> float:
    """Return the seconds that a validation cell takes; 0 where there are none."""
    import torch

    rows, start = fit.validation[: learner.recipe.batch], clock()
    if not len(rows):
        return 0.0
    with torch.inference_mode():
        learner.scores(fit.cells.batch(rows)[0])
    return (clock() - start) / len(rows)


def epoch_sentence(epoch_s: tuple[float, float], epochs: int, n_fits: int) -> str:
    """Say how long an epoch takes, and all trainings of all epochs at most.

    Parameters
    ----------
    epoch_s : tuple of float
        Seconds of an epoch, at least and at most.
    epochs : int
        Of each training.
    n_fits : int
        How many trainings there are: one per fold and one on all cells.
    """
    whole = [seconds * epochs * n_fits for seconds in epoch_s]
    trainings = f"all {epochs * n_fits:,} epochs" if epochs * n_fits > 1 else "all of it"
    return f"An epoch takes {_range(*epoch_s)} here, {trainings} {_range(*whole)} at most"


def _range(low: float, high: float) -> str:
    first, last = (rough_duration(seconds) if seconds >= 3600 else duration(seconds) for seconds in (low, high))
    return f"about {first}" if first == last else f"{first} to {last}"
