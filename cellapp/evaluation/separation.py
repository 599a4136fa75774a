"""How well a few named numbers of cells tell a class from the others, on images they were not fitted to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cellapp.evaluation.group_effects import MIN_GROUPS, mean_over
from cellapp.evaluation.scores import auc

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    Classifier = LogisticRegression | Pipeline

_FOLDS = 5
_LEAST = 5  # cells of each side, with fewer nothing is fitted


@dataclass(frozen=True)
class Separation:
    """Held-out figures of a logistic regression."""

    balanced_accuracy: float
    low: float | None  # 95 % interval of the balanced accuracy
    high: float | None
    auc: float
    over: str  # what is held out and drawn: "images", or "cells" where there are too few


def separate(features: np.ndarray, is_a: np.ndarray, groups: np.ndarray, seed: int = 0) -> Separation | None:
    """Tell cells of a class from others by a logistic regression, whole images held out.

    Parameters
    ----------
    features : ndarray of shape (N, F)
        Missing numbers are replaced by the median of the training part.
    is_a : ndarray of shape (N,), bool
    groups : ndarray of shape (N,), str
        Image of each cell.
    seed : int

    Returns
    -------
    Separation or None
        None where either side has fewer than 5 cells, where folds of images would lack a side, or without a number.
    """
    folds = _folds(is_a, groups, seed)
    features = features[:, np.isfinite(features).any(axis=0)]
    if folds is None or not features.shape[1]:
        return None
    over, parts = folds
    p = call_held_out(lambda _: features, is_a, parts, _fitted)[1][:, 1]
    right = (p >= 0.5) == is_a
    weight = np.where(is_a, 0.5 / is_a.mean(), 0.5 / (~is_a).mean())  # its weighted mean is the balanced accuracy
    found = mean_over(right * weight, groups if over == "images" else np.arange(len(groups)).astype(str), seed)
    rank = auc(is_a.astype(int), np.stack([1 - p, p], axis=1), 1)
    limits = (None, None) if found.low is None else (found.low, min(found.high, 1.0))
    return Separation(min(found.value, 1.0), *limits, rank, over)


def call_held_out(
    features_of: Callable[[np.ndarray], np.ndarray],
    values: np.ndarray,
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
    fitted: Callable[[np.ndarray, np.ndarray], Classifier],
) -> tuple[np.ndarray, np.ndarray]:
    """Call every cell by a classifier that has not seen its fold.

    Parameters
    ----------
    features_of : callable
        Gets the rows of the training part and returns the vectors of all cells, (N, F), with whatever is fitted to
        vectors fitted to that part alone.
    values : ndarray of shape (N,)
    folds : sequence of tuple
        Rows of the training part and of the part held out.
    fitted : callable
        Fits a classifier with ``classes_`` and ``predict_proba`` to vectors and values.

    Returns
    -------
    names : ndarray of shape (K,)
        Values, sorted.
    p : ndarray of shape (N, K)
        Their probabilities; 0 for a value that a training part lacks.
    """
    names = np.unique(values)
    p = np.zeros((len(values), len(names)))
    for training, held_out in folds:
        features = features_of(training)
        model = fitted(features[training], values[training])
        p[np.ix_(held_out, np.searchsorted(names, model.classes_))] = model.predict_proba(features[held_out])
    return names, p


def _folds(is_a: np.ndarray, groups: np.ndarray, seed: int) -> tuple[str, list[tuple[np.ndarray, np.ndarray]]] | None:
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if min(is_a.sum(), (~is_a).sum()) < _LEAST:
        return None
    if len(np.unique(groups)) < MIN_GROUPS:
        return "cells", list(StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(groups, is_a))
    by_image = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed).split(groups, is_a, groups)
    parts = list(by_image)
    return ("images", parts) if all(0 < is_a[rows].sum() < len(rows) for rows, _ in parts) else None


def _fitted(features: np.ndarray, is_a: np.ndarray) -> Pipeline:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    steps = (
        SimpleImputer(strategy="median"),
        StandardScaler(),
        LogisticRegression(max_iter=1000, class_weight="balanced"),
    )
    return make_pipeline(*steps).fit(features, is_a)
