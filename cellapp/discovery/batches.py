"""Is it the biology or the batch? How well a column can be told from vectors of images that were not looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import chi2
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, silhouette_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.neighbors import NearestNeighbors

from cellapp.discovery.corrections import Correction
from cellapp.evaluation.control_axes import floored
from cellapp.evaluation.separation import call_held_out

if TYPE_CHECKING:
    from cellapp.evaluation.separation import Classifier

_FOLDS, _NEIGHBOURS = 5, 30
_MOST_VALUES = 50
_MOST_CELLS = 5_000  # of more, as many at random are measured
_REJECTED = 0.05


@dataclass(frozen=True)
class ColumnCheck:
    """How far the values of a column lie apart among cells."""

    n_values: int
    held_out_accuracy: float | None  # balanced, on images that the classifier did not see; None where it cannot be had
    chance: float  # of that accuracy
    silhouette: float | None  # by the values of the column, -1 to 1
    mixing: float | None  # 0: neighbours share the value; 1: neighbours are as mixed as all cells
    reason: str = ""  # why there is no held-out accuracy
    accepted: float | None = None  # share of cells whose neighbours have the values of all cells, as far as can be told


def check_column(
    features: np.ndarray,
    values: Sequence[str],
    images: Sequence[str],
    *,
    correction: Correction | None = None,
    seed: int = 0,
) -> ColumnCheck:
    """Measure how far the values of a column lie apart.

    Parameters
    ----------
    features : ndarray of shape (N, F)
    values : sequence of str
        N values of the column; cells without one ("") are left out.
    images : sequence of str
        The image of each cell: whole images are held out.
    correction : Correction, optional
        Measure after it; in a fold it is fitted to the images that are trained on alone.
    seed : int

    Returns
    -------
    ColumnCheck
        Accuracy of a logistic regression (balanced over values), silhouette, mixing (the mean inverse Simpson index of
        the values among 30 nearest neighbours, Korsunsky et al. 2019, from that of one value alone to that of all
        cells), and the acceptance of k-BET (Buettner et al. 2019): cells whose 30 nearest neighbours a chi-square test
        at 5 % does not tell from all cells.
    """
    values, images = np.asarray(values, str), np.asarray(images, str)
    rows = np.flatnonzero(values != "")
    if len(rows) > _MOST_CELLS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, _MOST_CELLS, replace=False))
    features, values, images = features[rows], values[rows], images[rows]
    correction = None if correction is None else correction.at(rows)
    names = np.unique(values)
    if len(names) < 2:
        return ColumnCheck(len(names), None, 1.0, None, None, "it has one value")
    accuracy, reason = _held_out(features, values, images, correction, seed)
    shown = features if correction is None else correction.apply(features)
    silhouette = float(silhouette_score(shown, values)) if len(names) < len(values) else None
    mixing, accepted = _neighbours(shown, values)
    return ColumnCheck(len(names), accuracy, 1 / len(names), silhouette, mixing, reason, accepted)


def _held_out(
    features: np.ndarray, values: np.ndarray, images: np.ndarray, correction: Correction | None, seed: int
) -> tuple[float | None, str]:
    """Return the balanced accuracy on images that were not trained on, or why there is none."""
    if len(np.unique(values)) > _MOST_VALUES:
        return None, f"it has more than {_MOST_VALUES} values"
    per_value = [len(np.unique(images[values == name])) for name in np.unique(values)]
    if min(per_value) < 2:
        return None, "a value has one image only, so that it cannot be told from the image"
    splitter = StratifiedGroupKFold(min(_FOLDS, min(per_value)), shuffle=True, random_state=seed)
    folds = list(splitter.split(features, values, images))
    if any(len(np.unique(values[training])) < 2 for training, _ in folds):
        return None, "images cannot be held out so that two values are left to learn from"

    def corrected(training: np.ndarray) -> np.ndarray:
        fitted = np.isin(np.arange(len(values)), training)
        shown = features if correction is None else correction.apply(features, fitted)
        mean, deviation = shown[training].mean(axis=0), floored(shown[training].std(axis=0))
        return (shown - mean) / deviation

    names, p = call_held_out(corrected, values, folds, _fitted)
    return float(balanced_accuracy_score(values, names[p.argmax(axis=1)])), ""


def _fitted(features: np.ndarray, values: np.ndarray) -> Classifier:
    return LogisticRegression(C=0.1, class_weight="balanced", max_iter=500).fit(features, values)


def _neighbours(features: np.ndarray, values: np.ndarray) -> tuple[float | None, float | None]:
    """Return mixing and acceptance, see `check_column`; None where there are too few cells."""
    n = min(_NEIGHBOURS, len(values) - 1)
    if n < 2:
        return None, None
    names, codes = np.unique(values, return_inverse=True)
    near = NearestNeighbors(n_neighbors=n).fit(features).kneighbors(return_distance=False)
    counts = np.stack([(codes[near] == code).sum(axis=1) for code in range(len(names))], axis=1)
    overall = np.bincount(codes) / len(codes)
    here = float(np.mean(1 / ((counts / n) ** 2).sum(axis=1)))
    everywhere = 1 / float((overall**2).sum())
    distance = ((counts - n * overall) ** 2 / (n * overall)).sum(axis=1)
    accepted = float(np.mean(chi2.sf(distance, len(names) - 1) >= _REJECTED))
    return (float(np.clip((here - 1) / (everywhere - 1), 0, 1)) if everywhere > 1 else None), accepted
