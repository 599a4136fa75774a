"""Fit a linear head to vectors of labelled cells and measure it on groups it was not fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cellapp.classification.conformal import fit_conformal
from cellapp.classification.head import LinearHead
from cellapp.evaluation.scores import measure_calls
from cellapp.training.calibration import cross_calibrate, fit_temperature
from cellapp.training.classifier.batch_effects import BatchEffects
from cellapp.training.classifier.fit_head import FitOptions, HeadSpec
from cellapp.training.classifier.grid import fit_best, grid_report
from cellapp.training.classifier.labelled_vectors import LabelledVectors
from cellapp.training.classifier.logistic_regression import STRENGTHS
from cellapp.training.classifier.resampling import Balance

LIMIT_PERCENTILE = 99.0
"""Of held-out distances: cells that lie farther are unlike the training cells."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Output of cross-validation: for each cell that of a head fitted without the cell's group."""

    fold_of: np.ndarray  # (N,) int
    scores: np.ndarray  # (N, K) before calibration
    probabilities: np.ndarray  # (N, K), calibrated on the other folds
    distances: np.ndarray  # (N,) from the training cells of the fold, see `NoveltyDetector.distance`
    codes: np.ndarray  # (N,) int, classes of the cells
    heads: tuple[LinearHead, ...]  # of the folds in their order, before calibration
    chosen: tuple[tuple[float, Balance], ...] = ()  # strength and balance of each fold's head


def fit(data: LabelledVectors, spec: HeadSpec, *, folds: int = 5, seed: int = 0, **choices: Any) -> LinearHead:
    """Train a head and measure it.

    Temperature, figures and the limit of "unlike the training cells" come from held-out cells; the weights from all.

    Parameters
    ----------
    data : LabelledVectors
    spec : HeadSpec
    folds : int
        At most this many; fewer when a class has fewer groups.
    seed : int
        Decides the folds.
    **choices
        Others of `fit_and_hold_out`.

    Returns
    -------
    LinearHead
        ``metrics["validated"]`` is False, with ``metrics["reason"]``, when a class has fewer than two groups; such a
        head is not calibrated and never finds a cell unlike its training.

    Raises
    ------
    InputError
        When the positive class is none of the classes.
    """
    return fit_and_hold_out(data, spec, folds=folds, seed=seed, **choices)[0]


def fit_and_hold_out(
    data: LabelledVectors,
    spec: HeadSpec,
    *,
    folds: int = 5,
    seed: int = 0,
    balance: Balance | None = None,
    effects: BatchEffects | None = None,
    strengths: Sequence[float] = STRENGTHS,
    balances: Sequence[Balance] = (),
) -> tuple[LinearHead, HeldOut | None]:
    """Train a head as `fit` does, and return its cross-validation, too.

    Parameters
    ----------
    data, spec, folds, seed
        See `fit`.
    balance : Balance, optional
        How small classes get the influence of large ones, in training parts only.
    effects : BatchEffects, optional
        How effects of batches are taken out, learnt from training parts only.
    strengths : sequence of float
        Strengths of regularisation to choose from, see `choose_strength`.
    balances : sequence of Balance
        To choose from, inside each training part, in place of `balance`; then ``training["grid"]`` of the head says
        what was chosen, see `cellapp.training.classifier.grid`.

    Returns
    -------
    head : LinearHead
    held_out : HeldOut or None
        None when the groups cannot be split.
    """
    options = FitOptions(seed, balance or Balance(), effects or BatchEffects(), strengths)
    head, strength, chosen = fit_best(data, spec, options, balances)
    fold_of = data.split(folds, seed)
    if isinstance(fold_of, str):
        return replace(head, metrics={"validated": False, "reason": fold_of}), None
    choices = {"balance": balance, "effects": effects, "strengths": strengths, "balances": balances}
    held_out = hold_out(data, spec, fold_of, seed=seed, **choices)
    if len(balances) > 1 or strengths is not STRENGTHS:
        report = grid_report((strength, chosen), held_out.chosen, max(len(balances), 1) * len(strengths))
        head = replace(head, training={**head.training, "grid": report})
    return with_figures(head, data, held_out, regularisation=strength), held_out


def with_figures(
    head: LinearHead, data: LabelledVectors, held_out: HeldOut, *, regularisation: float | None
) -> LinearHead:
    """Give a head its temperature, figures and limit of "unlike the training cells" from held-out cells.

    Parameters
    ----------
    head : LinearHead
        Fitted to all cells.
    data : LabelledVectors
    held_out : HeldOut
    regularisation : float, optional
        scikit-learn's C of the weights; None where they were not fitted by logistic regression.
    """
    pure = data.pure
    codes = data.codes[pure]
    figures: dict[str, Any] = {
        **measure_calls(held_out.probabilities[pure], codes, data.classes, head.positive),
        "validated": True,
        "n_groups": len(set(data.groups)),
        "n_folds": len(np.unique(held_out.fold_of)),
        "regularisation": regularisation,
    }
    limit = float(np.percentile(held_out.distances[pure], LIMIT_PERCENTILE))
    return replace(
        head,
        temperature=fit_temperature(held_out.scores[pure], codes),
        calibrated=True,
        metrics=figures,
        conformal=fit_conformal(held_out.probabilities[pure], codes),
        novelty=replace(head.novelty, limit=limit),
    )


def hold_out(
    data: LabelledVectors,
    spec: HeadSpec,
    fold_of: np.ndarray,
    *,
    seed: int,
    balance: Balance | None = None,
    effects: BatchEffects | None = None,
    strengths: Sequence[float] = STRENGTHS,
    balances: Sequence[Balance] = (),
) -> HeldOut:
    """Cross-validate: regularisation, weights and calibration of each fold come from the other folds alone.

    Parameters
    ----------
    data : LabelledVectors
    spec : HeadSpec
    fold_of : ndarray of shape (N,), int
        See `cellapp.training.folds.split_groups`.
    seed : int
        Decides the inner folds on which the regularisation is chosen.
    balance, effects, strengths, balances
        See `fit_and_hold_out`.
    """
    options = FitOptions(seed, balance or Balance(), effects or BatchEffects(), strengths)
    # cross_val_predict fits once for one output; scores and distances would take it two fits of each fold.
    scores, distances = np.zeros((len(fold_of), len(data.classes))), np.zeros(len(fold_of))
    heads, chosen = [], []
    for fold in np.unique(fold_of):
        rows, rest = fold_of == fold, data.subset(fold_of != fold)
        head, *choice = fit_best(rest, spec, options, balances)
        heads.append(head)
        chosen.append(tuple(choice))
        scores[rows] = head.scores(data.features[rows])
        distances[rows] = head.novelty.distance(head.standardise(data.features[rows]))
    probabilities = cross_calibrate(scores, data.codes, fold_of, data.pure)
    return HeldOut(fold_of, scores, probabilities, distances, data.codes, tuple(heads), tuple(chosen))
