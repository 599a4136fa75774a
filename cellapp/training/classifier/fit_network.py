"""Epochs of fine-tuning with validation, early stopping and a checkpoint after each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import log_softmax
from sklearn.metrics import f1_score

from cellapp.evaluation.scores import balanced_accuracy
from cellapp.training.checkpoints import read_checkpoint, write_checkpoint
from cellapp.training.classifier.early_stopping import Score, judge
from cellapp.training.classifier.learner import Learner

OnBatch = Callable[[float], None]
"""Gets the share of the planned epochs that is done; may raise `Cancelled`."""
OnPoints = Callable[[list[dict[str, Any]]], None]
"""Gets the points of the curves after each epoch."""

_BATCH = 64  # crops scored at once
_VALIDATION = ("validation_loss", "validation_f1", "validation_balanced_accuracy")


@dataclass(frozen=True, eq=False)
class Cells:
    """Crops to learn from or to be judged by."""

    planes: np.ndarray  # (N, 3, S, S) float16, 0 to 1
    codes: np.ndarray  # (N,) class of each

    def batch(self, rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Return crops as float32 and their classes."""
        return torch.from_numpy(self.planes[rows].astype(np.float32)), torch.from_numpy(self.codes[rows])


@dataclass(frozen=True, eq=False)
class Fit:
    """One training: on which rows, for how long, and by which rows it is stopped."""

    cells: Cells
    training: np.ndarray  # rows
    validation: np.ndarray  # rows; none trains all `epochs` and keeps the last
    epochs: int
    seed: tuple[int, int]  # of the recipe, and the number of the fit


@dataclass(eq=False)
class FitState:
    """Content of a checkpoint, besides the learner's."""

    best: dict[str, torch.Tensor]  # weights of the best epoch
    points: list[dict[str, Any]]  # one per epoch, from 0, before any step


def fit_network(fit: Fit, learner: Learner, checkpoint: Path, on_batch: OnBatch, on_points: OnPoints) -> FitState:
    """Train, and leave the learner with the weights of the best epoch.

    A checkpoint is continued. Every epoch draws from generators seeded by its number, so that an interrupted training
    ends with the same weights.

    Parameters
    ----------
    fit : Fit
    learner : Learner
        As it was made; changed in place.
    checkpoint : Path
        Written after each epoch.
    on_batch, on_points : callable
    """
    state = _restore(learner, checkpoint)
    if not state.points:
        state.best = learner.state()
        state.points.append(_point(fit, learner, 0, None, 0.0))
    while not _is_finished(fit, learner, state):
        epoch, start = len(state.points), time.monotonic()
        loss = _train_epoch(fit, learner, epoch, on_batch)
        state.points.append(_point(fit, learner, epoch, loss, time.monotonic() - start))
        if best_epoch(fit, learner, state.points) == epoch:
            state.best = learner.state()
        _save(learner, state, checkpoint)
        on_points(state.points)
    learner.learning.load_state_dict(state.best)
    return state


def best_epoch(fit: Fit, learner: Learner, points: list[dict[str, Any]]) -> int:
    """Return the epoch that is kept: by the validation cells, or the last where there are none."""
    return _judged(learner, points).best if len(fit.validation) else len(points) - 1


def _judged(learner: Learner, points: list[dict[str, Any]]) -> Any:
    scores = [Score(point["validation_loss"], point["validation_f1"]) for point in points]
    return judge(scores, learner.recipe.stop_by, learner.recipe.patience)


def _is_finished(fit: Fit, learner: Learner, state: FitState) -> bool:
    if len(state.points) > fit.epochs:
        return True
    return bool(len(fit.validation)) and _judged(learner, state.points).stop


def _train_epoch(fit: Fit, learner: Learner, epoch: int, on_batch: OnBatch) -> float:
    """Take one pass over the training cells in random order; returns the mean loss."""
    seed = int(np.random.SeedSequence([*fit.seed, epoch]).generate_state(1)[0])
    order, size = np.random.default_rng(seed).permutation(fit.training), learner.recipe.batch
    batches, losses = np.array_split(order, max(round(len(order) / size), 1)), []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for number, rows in enumerate(batches):
            at = (epoch - 1) * len(batches) + number
            losses.append(learner.step(*fit.cells.batch(rows), at, per_epoch=len(batches)))
            on_batch((at + 1) / (fit.epochs * len(batches)))
    return float(np.mean(losses))


def _point(fit: Fit, learner: Learner, epoch: int, loss: float | None, seconds: float) -> dict[str, Any]:
    """Score the validation cells and return a point of the curves."""
    point = {"epoch": epoch, "training_loss": loss and round(loss, 6), "seconds": round(seconds, 2)}
    point |= {"rates": list(learner.rates), **dict.fromkeys(_VALIDATION)}
    if len(fit.validation):
        codes = fit.cells.codes[fit.validation]
        scores = _scores(fit, learner)
        weights = learner.weights.cpu().numpy()[codes]
        losses = -log_softmax(scores, axis=1)[np.arange(len(codes)), codes]
        f1 = f1_score(codes, scores.argmax(axis=1), average="weighted", zero_division=0)
        balanced = balanced_accuracy(codes, scores, 0)
        figures = np.average(losses, weights=weights), f1, balanced
        point |= dict(zip(_VALIDATION, map(float, figures), strict=True))
    return point


def _scores(fit: Fit, learner: Learner) -> np.ndarray:
    """Return scores of the validation cells as they are, (V, K) float64."""
    learner.learning.eval()
    parts = np.array_split(fit.validation, max(len(fit.validation) // _BATCH, 1))
    with torch.inference_mode():
        return np.concatenate([learner.scores(fit.cells.batch(rows)[0]).double().cpu().numpy() for rows in parts])


def _save(learner: Learner, state: FitState, checkpoint: Path) -> None:
    now = {"learning": learner.state(), "optimiser": learner.optimiser.state_dict()}
    write_checkpoint(checkpoint, now | {"best": state.best, "points": state.points})


def _restore(learner: Learner, checkpoint: Path) -> FitState:
    saved = read_checkpoint(checkpoint)
    if saved is None:
        return FitState({}, [])
    learner.learning.load_state_dict(saved["learning"])
    learner.optimiser.load_state_dict(saved["optimiser"])
    return FitState(saved["best"], saved["points"])
