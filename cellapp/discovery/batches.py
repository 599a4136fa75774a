"""Is it the biology or the batch? How well a column can be told from vectors of images that were not looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, silhouette_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.neighbors import NearestNeighbors

from cellapp.errors import InputError

_FOLDS, _NEIGHBOURS = 5, 30
_MOST_VALUES = 50
_MOST_CELLS = 5_000  # of more, as many at random are measured
_MIN_STD = 0.02  # of the median number's


@dataclass(frozen=True)
class Separation:
    """How far the values of a column lie apart among cells."""

    n_values: int
    held_out_accuracy: float | None  # balanced, on images that the classifier did not see; None where it cannot be had
    chance: float  # of that accuracy
    silhouette: float | None  # by the values of the column, -1 to 1
    mixing: float | None  # 0: neighbours share the value; 1: neighbours are as mixed as all cells
    reason: str = ""  # why there is no held-out accuracy


def scaled_by(features: np.ndarray, batches: Sequence[str], fit_on: np.ndarray | None = None) -> np.ndarray:
    """Give each batch mean 0 and standard deviation 1.

    This takes out all that differs between batches, what is biology, too, where a condition is in one batch alone.

    Parameters
    ----------
    features : ndarray of shape (N, F)
    batches : sequence of str
        N names.
    fit_on : ndarray of shape (N,), bool, optional
        Cells that means and deviations are of; a batch without two of them is scaled as batches are on average.

    Returns
    -------
    ndarray of shape (N, F), float64

    Raises
    ------
    InputError
        When no batch has two cells.
    """
    batches, features = np.asarray(batches, str), np.asarray(features, np.float64)
    fitted = np.ones(len(batches), bool) if fit_on is None else fit_on
    statistics = {
        name: (rows.mean(axis=0), _floored(rows.std(axis=0)))
        for name in np.unique(batches)
        if len(rows := features[fitted & (batches == name)]) > 1
    }
    if not statistics:
        raise InputError("no batch has two cells to be scaled by; name another column")
    common = tuple(np.mean([pair[at] for pair in statistics.values()], axis=0) for at in (0, 1))
    scaled = np.empty_like(features)
    for name in np.unique(batches):
        mean, deviation = statistics.get(name, common)
        scaled[batches == name] = (features[batches == name] - mean) / deviation
    return scaled


def separation(
    features: np.ndarray,
    values: Sequence[str],
    images: Sequence[str],
    *,
    batches: Sequence[str] | None = None,
    seed: int = 0,
) -> Separation:
    """Measure how far the values of a column lie apart.

    Parameters
    ----------
    features : ndarray of shape (N, F)
    values : sequence of str
        N values of the column; cells without one ("") are left out.
    images : sequence of str
        The image of each cell: whole images are held out.
    batches : sequence of str, optional
        Measure after `scaled_by` these; in a fold it is fitted to the images that are trained on alone.
    seed : int

    Returns
    -------
    Separation
        Accuracy of a logistic regression (balanced over values), silhouette, and mixing: the mean inverse Simpson index
        of the values among 30 nearest neighbours (Korsunsky et al. 2019), from that of one value alone to that of all
        cells.
    """
    values, images = np.asarray(values, str), np.asarray(images, str)
    rows = np.flatnonzero(values != "")
    if len(rows) > _MOST_CELLS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, _MOST_CELLS, replace=False))
    features, values, images = features[rows], values[rows], images[rows]
    batches = None if batches is None else np.asarray(batches, str)[rows]
    names = np.unique(values)
    if len(names) < 2:
        return Separation(len(names), None, 1.0, None, None, "it has one value")
    accuracy, reason = _held_out(features, values, images, batches, seed)
    shown = features if batches is None else scaled_by(features, batches)
    silhouette = float(silhouette_score(shown, values)) if len(names) < len(values) else None
    return Separation(len(names), accuracy, 1 / len(names), silhouette, _mixing(shown, values), reason)


def _held_out(
    features: np.ndarray, values: np.ndarray, images: np.ndarray, batches: np.ndarray | None, seed: int
) -> tuple[float | None, str]:
    """Return the balanced accuracy on images that were not trained on, or why there is none."""
    if len(np.unique(values)) > _MOST_VALUES:
        return None, f"it has more than {_MOST_VALUES} values"
    per_value = [len(np.unique(images[values == name])) for name in np.unique(values)]
    if min(per_value) < 2:
        return None, "a value has one image only, so that it cannot be told from the image"
    folds = StratifiedGroupKFold(min(_FOLDS, min(per_value)), shuffle=True, random_state=seed)
    called = np.empty_like(values)
    for training, test in folds.split(features, values, images):
        if len(np.unique(values[training])) < 2:
            return None, "images cannot be held out so that two values are left to learn from"
        fitted = np.isin(np.arange(len(values)), training)
        shown = scaled_by(features, batches, fitted) if batches is not None else features
        mean, deviation = shown[training].mean(axis=0), _floored(shown[training].std(axis=0))
        model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=500)
        model.fit((shown[training] - mean) / deviation, values[training])
        called[test] = model.predict((shown[test] - mean) / deviation)
    return float(balanced_accuracy_score(values, called)), ""


def _mixing(features: np.ndarray, values: np.ndarray) -> float | None:
    n = min(_NEIGHBOURS, len(values) - 1)
    if n < 2:
        return None
    names, codes = np.unique(values, return_inverse=True)
    near = NearestNeighbors(n_neighbors=n).fit(features).kneighbors(return_distance=False)
    shares = np.stack([(codes[near] == code).mean(axis=1) for code in range(len(names))], axis=1)
    here = float(np.mean(1 / (shares**2).sum(axis=1)))
    everywhere = 1 / float(((np.bincount(codes) / len(codes)) ** 2).sum())
    return float(np.clip((here - 1) / (everywhere - 1), 0, 1)) if everywhere > 1 else None


def _floored(std: np.ndarray) -> np.ndarray:
    return np.maximum(std, max(_MIN_STD * float(np.median(std)), 1e-9))
