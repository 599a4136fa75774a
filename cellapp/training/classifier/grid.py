"""Nested grid search: what a recipe leaves open is chosen on groups inside training parts, never on test groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.metrics import log_loss

from cellapp.classification.head import LinearHead
from cellapp.errors import InputError
from cellapp.training.calibration import fit_temperature
from cellapp.training.classifier.fit_head import FitOptions, HeadSpec, fit_head
from cellapp.training.classifier.labelled_vectors import LabelledVectors
from cellapp.training.classifier.resampling import Balance

_INNER_FOLDS = 3


def fit_best(
    data: LabelledVectors, spec: HeadSpec, options: FitOptions, balances: Sequence[Balance] = ()
) -> tuple[LinearHead, float, Balance]:
    """Fit a head to all cells given, in the way that does best on held-out groups of these.

    Parameters
    ----------
    data : LabelledVectors
        All that the choice may read: the training part of a fold.
    spec : HeadSpec
    options : FitOptions
        The strength of regularisation is chosen of its `strengths` with each balance.
    balances : sequence of Balance
        To choose from; with fewer than two that of `options` is taken.

    Returns
    -------
    head : LinearHead
    strength : float
    balance : Balance
        The chosen one: of least log loss of calibrated scores, the first of equal ones.

    Raises
    ------
    InputError
        When no balance is possible.
    """
    chosen = _choose(data, spec, options, balances) if len(balances) > 1 else options.balance
    return (*fit_head(data, spec, replace(options, balance=chosen)), chosen)


def grid_report(chosen: tuple[float, Balance], of_folds: Sequence[tuple[float, Balance]], n: int) -> dict[str, Any]:
    """Return what was chosen, for all cells and in each fold, of how many ways, as plain JSON values."""
    return {"n_tried": n, "chosen": _plain(*chosen), "chosen_in_folds": [_plain(*one) for one in of_folds]}


def grid_of(head: LinearHead) -> dict[str, Any]:
    """Return what metrics.json says of a grid: nothing where none was searched."""
    return {"grid": head.training["grid"]} if "grid" in head.training else {}


def balance_of(head: LinearHead) -> Balance | None:
    """Return the balance that a grid search chose for a head; None where none was searched."""
    chosen = head.training.get("grid", {}).get("chosen")
    return Balance(chosen["resample"], chosen["class_weights"]) if chosen else None


def _choose(data: LabelledVectors, spec: HeadSpec, options: FitOptions, balances: Sequence[Balance]) -> Balance:
    fold_of = data.split(_INNER_FOLDS, options.seed)
    if isinstance(fold_of, str):
        return balances[0]
    losses, reasons = np.full(len(balances), np.inf), []
    for k, balance in enumerate(balances):
        try:
            losses[k] = _loss(data, spec, replace(options, balance=balance), fold_of)
        except InputError as error:  # too few cells for it in one of the folds
            reasons.append(error)
    if len(reasons) == len(balances):
        raise reasons[0]
    return balances[int(np.argmin(losses))]


def _loss(data: LabelledVectors, spec: HeadSpec, options: FitOptions, fold_of: np.ndarray) -> float:
    """Return the log loss on held-out cells of one class each, calibrated as a head is."""
    scores = np.zeros((len(fold_of), len(data.classes)))
    for fold in np.unique(fold_of):
        rows = fold_of == fold
        scores[rows] = fit_head(data.subset(~rows), spec, options)[0].scores(data.features[rows])
    scores, codes = scores[data.pure], data.codes[data.pure]
    return float(log_loss(codes, softmax(scores / fit_temperature(scores, codes), axis=1)))


def _plain(strength: float, balance: Balance) -> dict[str, Any]:
    return {"strength": strength, "resample": balance.resample, "class_weights": balance.class_weights}
