"""How often a line is named right in batches that were not seen, beside the score that mixes batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, StratifiedKFold

from cellapp.errors import InputError
from cellapp.evaluation.intervals import RESAMPLES, draw_groups
from cellapp.evaluation.scores import top_k
from cellapp.training.lines.bags import Bag
from cellapp.training.lines.fit import fit_lines
from cellapp.training.lines.recipe import LineRecipe
from cellapp.types.image import OnStep

Calls = Callable[[Sequence[Bag], Sequence[Bag]], np.ndarray]
_FOLDS = 5
_GAP = 0.05  # from here on mixing batches flatters
VOTE = "vote"


def validate_lines(
    bags: Sequence[Bag], lines: Sequence[str], recipe: LineRecipe, on_step: OnStep
) -> tuple[dict[str, Any], np.ndarray]:
    """Measure on held-out sequences, batch by batch and across batches.

    Parameters
    ----------
    bags : sequence of Bag
    lines : sequence of str
    recipe : LineRecipe
    on_step : callable
        Progress; may raise `Cancelled`.

    Returns
    -------
    metrics : dict
        ``batch_separated`` (a whole batch is held out at a time) and ``batch_stratified`` (sequences of the same
        batches are in training and test), each with ``accuracy``, ``low`` and ``high`` (95 % bootstrap over batches, or
        sequences), ``top_2``, ``n``; ``gap``; ``tells_batch``, whether only mixed batches are told better than by
        chance; ``per_batch``; ``baselines`` by mean, maximum and vote of patches on the separated split; ``confusion``
        (rows true) and a ``sentence``.
    held_out : ndarray of shape (B, K)
        Probabilities of each bag, called by a network that has not seen its batch.

    Raises
    ------
    InputError
        When there are fewer than two batches, or a line is in one batch alone.
    """
    codes = np.array([list(lines).index(bag.sequence.line) for bag in bags])
    batches = np.array([bag.sequence.batch for bag in bags])
    _check(codes, batches, lines)
    separated = list(LeaveOneGroupOut().split(codes, codes, batches))
    n_folds = int(min(_FOLDS, np.bincount(codes).min()))
    stratified = list(StratifiedKFold(n_folds, shuffle=True, random_state=recipe.seed).split(codes, codes))
    baselines = {name: _network(lines, recipe, name) for name in ("mean", "max")} | {VOTE: _vote(lines)}
    testing = _Testing(bags, len(lines), on_step, n_fits=(1 + len(baselines)) * len(separated) + len(stratified))
    attention = testing.held_out(separated, _network(lines, recipe, "attention"))
    mixed = testing.held_out(stratified, _network(lines, recipe, "attention"))
    report = {
        "batch_separated": _figures(codes, attention, batches),
        "batch_stratified": _figures(codes, mixed, np.arange(len(codes)).astype(str)),
    }
    report["baselines"] = {
        name: round(float(np.mean(testing.held_out(separated, calls).argmax(axis=1) == codes)), 4)
        for name, calls in baselines.items()
    }
    return report | _batch_figures(report, codes, batches, attention), attention


class _Testing:
    """Calls of held-out bags, and how many networks are trained of all."""

    def __init__(self, bags: Sequence[Bag], n_lines: int, on_step: OnStep, *, n_fits: int) -> None:
        self._bags, self._n_lines, self._on_step = bags, n_lines, on_step
        self._n_fits, self._n_done = n_fits, 0

    def held_out(self, splits: Sequence[tuple[np.ndarray, np.ndarray]], calls: Calls) -> np.ndarray:
        """Return the probabilities (B, K) of each bag, called by what was trained without it."""
        probabilities = np.zeros((len(self._bags), self._n_lines))
        for training, test in splits:
            self._on_step("Testing on sequences that were held out", min(self._n_done / self._n_fits, 1.0))
            probabilities[test] = calls([self._bags[row] for row in training], [self._bags[row] for row in test])
            self._n_done += 1
        return probabilities


def _batch_figures(
    report: dict[str, Any], codes: np.ndarray, batches: np.ndarray, probabilities: np.ndarray
) -> dict[str, Any]:
    """Return what follows from both scores and the calls across batches, and a sentence on it."""
    called, n_lines = probabilities.argmax(axis=1), probabilities.shape[1]
    separated, chance = report["batch_separated"], 1 / n_lines
    gap = round(report["batch_stratified"]["accuracy"] - separated["accuracy"], 4)
    confusion = np.zeros((n_lines, n_lines), int)
    np.add.at(confusion, (codes, called), 1)
    told = {
        "per_batch": {name: round(float((called == codes)[batches == name].mean()), 4) for name in np.unique(batches)},
        "gap": gap,
        "confusion": confusion.tolist(),
        "tells_batch": gap > _GAP and separated["low"] <= chance,
    }
    return told | {"sentence": _sentence(report | told, chance)}


def _check(codes: np.ndarray, batches: np.ndarray, lines: Sequence[str]) -> None:
    for code, line in enumerate(lines):
        n = len(np.unique(batches[codes == code]))
        if n < 2:
            raise InputError(
                f"line {line!r} is in {n} batch{'es' * (n != 1)}, so that it cannot be told from the batch: "
                "photograph every line in at least two"
            )


def _network(lines: Sequence[str], recipe: LineRecipe, pooling: str) -> Calls:
    return lambda training, test: fit_lines(training, lines, recipe, pooling).call(test)[0]


def _vote(lines: Sequence[str]) -> Calls:
    """Return the calls of a logistic regression of single patches, each of which has one vote."""

    def calls(training: Sequence[Bag], test: Sequence[Bag]) -> np.ndarray:
        vectors = np.concatenate([bag.vectors for bag in training])
        codes = np.concatenate([[list(lines).index(bag.sequence.line)] * len(bag.vectors) for bag in training])
        mean, deviation = vectors.mean(axis=0), np.maximum(vectors.std(axis=0), 1e-6)
        model = LogisticRegression(C=0.01, max_iter=300).fit((vectors - mean) / deviation, codes)
        votes = np.zeros((len(test), len(lines)))
        for row, bag in enumerate(test):
            called = model.predict((bag.vectors - mean) / deviation)
            votes[row] = np.bincount(called, minlength=len(lines)) / len(called)
        return votes

    return calls


def _figures(codes: np.ndarray, probabilities: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    right = probabilities.argmax(axis=1) == codes
    drawn = [float(right[rows].mean()) for rows in draw_groups(groups, draws=RESAMPLES)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    figures = {"accuracy": float(right.mean()), "low": float(low), "high": float(high)}
    figures["top_2"] = float(top_k(codes, probabilities, min(2, probabilities.shape[1])))
    return {name: round(value, 4) for name, value in figures.items()} | {"n": len(codes)}


def _sentence(report: dict[str, Any], chance: float) -> str:
    separated, stratified = report["batch_separated"], report["batch_stratified"]
    said = (
        f"In batches it had not seen it names the line right for {100 * separated['accuracy']:.0f} % of sequences "
        f"({100 * separated['low']:.0f} to {100 * separated['high']:.0f})"
    )
    if report["gap"] <= _GAP:
        return f"{said}; mixing batches makes no better score ({100 * stratified['accuracy']:.0f} %)."
    said += (
        f"; where batches are mixed {100 * stratified['accuracy']:.0f} % is reached, and the difference is what it "
        "knows of the batches and not of the lines."
    )
    if report["tells_batch"]:
        said += f" By chance {100 * chance:.0f} % would be right: what is told here is the batch, not the line."
    return said
