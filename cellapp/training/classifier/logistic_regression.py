"""Logistic regression on vectors of cells, with the strength of regularisation chosen on held-out groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from cellapp.training.calibration import fit_temperature
from cellapp.training.classifier.resampling import Balance, training_rows
from cellapp.training.classifier.strength_path import one_thread, scores_along_path
from cellapp.training.folds import split_groups

REGULARISATION = 0.1
"""Used where cells are too few or of too few groups to choose: strong, vectors are wide and labelled cells few."""

STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)
"""scikit-learn's C on standardised features, from strong to weak regularisation."""

_MAX_ITERATIONS = 2000
_INNER_FOLDS = 3
_MANY_CELLS = 1500  # from which the strengths share their axes
_MIN_STD = 0.02  # of the median feature's


class FlooredScaler(StandardScaler):
    """Standardise features, but divide none by less than 2 % of the median standard deviation.

    A feature that hardly varies in the training cells may vary elsewhere; without the floor it would then count for
    hundreds of standard deviations.
    """

    def fit(self, features: np.ndarray, codes: np.ndarray | None = None) -> FlooredScaler:
        """Compute ``mean_`` and ``scale_`` of features, (N, F) float64."""
        super().fit(features)
        std = np.sqrt(self.var_)
        self.scale_ = np.maximum(std, max(_MIN_STD * float(np.median(std)), 1e-6))
        return self


def fit_logistic(
    features: np.ndarray, targets: np.ndarray, strength: float, balance: Balance | None = None
) -> Pipeline:
    """Fit a scaler and a logistic regression to all cells given.

    Parameters
    ----------
    features : ndarray of shape (N, F)
    targets : ndarray of shape (N,) int or (N, K) float
        Class of each row, 0 to K - 1, every class at least once; or the share of each class in it.
    strength : float
        One of `STRENGTHS`.
    balance : Balance, optional
        Resampling and weights; the scaler is fitted to the cells as they are.

    Returns
    -------
    Pipeline
        A `FlooredScaler` and a ``LogisticRegression``.
    """
    features = features.astype(np.float64)
    scaler, regression = FlooredScaler(), LogisticRegression(C=strength, max_iter=_MAX_ITERATIONS)
    rows, codes, weights = training_rows(scaler.fit_transform(features), targets, balance or Balance())
    with one_thread():
        return make_pipeline(scaler, regression.fit(rows, codes, sample_weight=weights))


def choose_strength(
    features: np.ndarray, codes: np.ndarray, groups: np.ndarray, seed: int, strengths: Sequence[float] = STRENGTHS
) -> float:
    """Choose the regularisation with the least log loss on held-out groups of these cells.

    The loss is that of calibrated scores, as a head gives them: weak regularisation is overconfident, and one
    temperature corrects that. Called on the training part of every fold, it reads nothing of the cells the fold is
    measured on.

    Parameters
    ----------
    features, codes
        See `fit_logistic`.
    groups : ndarray of shape (N,), str
    seed : int
    strengths : sequence of float
        From strong to weak regularisation.

    Returns
    -------
    float
        One of `strengths`; `REGULARISATION` when the groups cannot be split.
    """
    fold_of = split_groups(codes, groups, [str(code) for code in np.unique(codes)], folds=_INNER_FOLDS, seed=seed)
    if isinstance(fold_of, str):
        return REGULARISATION
    # GridSearchCV scores each fold by itself, and the temperature needs all of them.
    features = features.astype(np.float64)
    scores = np.zeros((len(strengths), len(codes), codes.max() + 1))
    for fold in np.unique(fold_of):
        rows = fold_of == fold
        with one_thread():
            scaler = FlooredScaler().fit(features[~rows])
            training, held_out = scaler.transform(features[~rows]), scaler.transform(features[rows])
            scores[:, rows] = _scores_by_strength(training, codes[~rows], held_out, strengths)
    losses = [log_loss(codes, softmax(one / fit_temperature(one, codes), axis=1)) for one in scores]
    return strengths[int(np.argmin(losses))]


def _scores_by_strength(
    features: np.ndarray, codes: np.ndarray, held_out: np.ndarray, strengths: Sequence[float]
) -> np.ndarray:
    """Fit to some cells and score others at each strength, (S, M, K)."""
    if len(codes) > _MANY_CELLS:
        return scores_along_path(features, codes, held_out, strengths)
    # Of few cells, nearly equal losses decide; single fits keep the choice of earlier versions.
    regression = LogisticRegression(max_iter=_MAX_ITERATIONS, warm_start=True)
    fits = (regression.set_params(C=strength).fit(features, codes) for strength in strengths)
    return np.array([per_class(np.atleast_2d(fit.decision_function(held_out).T)).T for fit in fits])


def per_class(rows: np.ndarray) -> np.ndarray:
    """Return one row per class, where scikit-learn has a single row of log-odds for two: half of it to each side.

    Parameters
    ----------
    rows : ndarray of shape (K, ...) or (1, ...)
    """
    return np.concatenate([-rows, rows]) / 2 if len(rows) == 1 else rows
