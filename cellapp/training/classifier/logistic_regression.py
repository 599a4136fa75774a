"""Weights of a linear head: logistic regression whose strength of regularisation is chosen on held-out groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from cellapp.training.calibration import fit_temperature
from cellapp.training.folds import split_groups

REGULARISATION = 0.1
"""Used where cells are too few or of too few groups to choose: strong, vectors are wide and labelled cells few."""

STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)
"""scikit-learn's C on standardised features, from strong to weak regularisation."""

_MAX_ITERATIONS = 2000
_INNER_FOLDS = 3
_LEAST_SPREAD = 0.02  # of the median feature


@dataclass(frozen=True, eq=False)
class LinearFit:
    """What standardises features and what weighs them."""

    weight: np.ndarray  # (K, F)
    bias: np.ndarray  # (K,)
    mean: np.ndarray  # (F,)
    std: np.ndarray  # (F,), positive


def fit_linear(features: np.ndarray, codes: np.ndarray, strength: float) -> LinearFit:
    """Fit scores to all cells given.

    Parameters
    ----------
    features : ndarray of shape (N, F)
    codes : ndarray of shape (N,)
        Class of each row, 0 to K - 1, every class at least once.
    strength : float
        One of `STRENGTHS`.
    """
    mean, std = _spread(features)
    model = _regression(strength).fit((features - mean) / std, codes)
    weight, bias = model.coef_, model.intercept_
    if len(weight) == 1:  # one row of log-odds; half to each side gives the same softmax
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return LinearFit(weight, bias, mean, std)


def choose_strength(features: np.ndarray, codes: np.ndarray, groups: np.ndarray, seed: int) -> float:
    """Choose the regularisation with the least log loss on held-out groups of these cells.

    The loss is that of calibrated scores, as a head gives them: weak regularisation is too sure of itself, and one
    temperature mends that. Called on the training part of every fold, it sees nothing of the cells the fold is
    measured on.

    Parameters
    ----------
    features, codes
        See `fit_linear`.
    groups : ndarray of shape (N,), str
    seed : int

    Returns
    -------
    float
        One of `STRENGTHS`; `REGULARISATION` when the groups cannot be split.
    """
    classes = [str(code) for code in np.unique(codes)]
    fold_of = split_groups(codes, groups, classes, folds=_INNER_FOLDS, seed=seed)
    if isinstance(fold_of, str):
        return REGULARISATION
    held_out = [fold_of == fold for fold in np.unique(fold_of)]
    models = [_regression(STRENGTHS[0], warm_start=True) for _ in held_out]
    losses = []
    for strength in STRENGTHS:
        scores = np.zeros((len(codes), len(classes)))
        for model, rows in zip(models, held_out, strict=True):
            scores[rows] = _held_out_scores(model.set_params(C=strength), features, codes, rows)
        losses.append(log_loss(codes, softmax(scores / fit_temperature(scores, codes), axis=1)))
    return STRENGTHS[int(np.argmin(losses))]


def _regression(strength: float, *, warm_start: bool = False) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=_MAX_ITERATIONS, warm_start=warm_start)


def _spread(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    spread = features.std(axis=0, dtype=np.float64)
    # A feature that hardly moves here may move elsewhere: without a floor it would count for hundreds of deviations.
    floor = max(_LEAST_SPREAD * float(np.median(spread)), 1e-6)
    return features.mean(axis=0, dtype=np.float64), np.maximum(spread, floor)


def _held_out_scores(
    model: LogisticRegression, features: np.ndarray, codes: np.ndarray, held_out: np.ndarray
) -> np.ndarray:
    mean, std = _spread(features[~held_out])
    model.fit((features[~held_out] - mean) / std, codes[~held_out])
    found = model.decision_function((features[held_out] - mean) / std)
    return np.stack([-found, found], axis=1) / 2 if found.ndim == 1 else found
