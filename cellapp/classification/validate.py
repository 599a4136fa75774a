"""How good calls are, measured on cells the head has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, log_loss, roc_auc_score

_BINS = 10
_LOG_TEMPERATURE = (-4.0, 4.0)


def fit_temperature(scores: np.ndarray, codes: np.ndarray) -> float:
    """Find the temperature that makes held-out probabilities most likely (Guo et al. 2017, arXiv:1706.04599).

    Parameters
    ----------
    scores : ndarray of shape (N, K)
        Held-out scores before the softmax.
    codes : ndarray of shape (N,)
        True class of each row.

    Returns
    -------
    float
        Above 1 when the head was too sure; between exp(-4) and exp(4).
    """
    rows = np.arange(len(codes))

    def loss(log_temperature: float) -> float:
        return -float(log_softmax(scores / np.exp(log_temperature), axis=1)[rows, codes].mean())

    return float(np.exp(minimize_scalar(loss, bounds=_LOG_TEMPERATURE, method="bounded").x))


def cross_calibrate(scores: np.ndarray, codes: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Turn held-out scores into probabilities, each fold with the temperature of the other folds.

    The temperature a head ships with is fitted on all held-out scores; figures made with that one would flatter it.

    Returns
    -------
    ndarray of shape (N, K)
    """
    probabilities = np.zeros(scores.shape)
    for fold in np.unique(folds):
        here = folds == fold
        probabilities[here] = softmax(scores[here] / fit_temperature(scores[~here], codes[~here]), axis=1)
    return probabilities


def calibration_error(probabilities: np.ndarray, codes: np.ndarray) -> float:
    """Return the expected calibration error of the most probable class in ten bins of equal width, 0 to 1.

    Zero rows give 0.
    """
    if len(codes) == 0:
        return 0.0
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == codes
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [abs(correct[bins == b].sum() - confidence[bins == b].sum()) for b in np.unique(bins)]
    return float(np.sum(gaps) / len(codes))


def measure_calls(
    probabilities: np.ndarray, codes: np.ndarray, classes: Sequence[str], positive: str
) -> dict[str, Any]:
    """Measure calls against the truth.

    Parameters
    ----------
    probabilities : ndarray of shape (N, K)
    codes : ndarray of shape (N,)
        True class of each row, an index into `classes`; every class occurs.
    classes : sequence of str
    positive : str
        The class that sensitivity, precision, AUC and Brier score speak of.

    Returns
    -------
    dict
        Plain numbers: n, n_<class>, auc, balanced_accuracy, sensitivity, specificity, precision, brier, log_loss and
        calibration_error. Precision is None when nothing was called positive.
    """
    at = list(classes).index(positive)
    truth, called = codes == at, probabilities.argmax(axis=1) == at
    hits = int((truth & called).sum())
    figures = {
        "auc": roc_auc_score(truth, probabilities[:, at]),
        "balanced_accuracy": balanced_accuracy_score(codes, probabilities.argmax(axis=1)),
        "sensitivity": hits / truth.sum(),
        "specificity": (~truth & ~called).sum() / (~truth).sum(),
        "precision": hits / called.sum() if called.any() else None,
        "brier": brier_score_loss(truth, probabilities[:, at]),
        "log_loss": log_loss(codes, probabilities, labels=range(len(classes))),
        "calibration_error": calibration_error(probabilities, codes),
    }
    counts = {"n": len(codes)} | {f"n_{c}": int((codes == k).sum()) for k, c in enumerate(classes)}
    return counts | {name: None if value is None else round(float(value), 4) for name, value in figures.items()}
