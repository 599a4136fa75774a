"""How good calls are, measured on cells the head has not seen."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

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
