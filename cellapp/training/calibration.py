"""Calibration of probabilities: one temperature for a head, fitted to held-out scores."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

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
    # CalibratedClassifierCV(method="temperature") takes a fitted classifier in place of scores, and searches up to
    # exp(10): one head that is right about its few held-out cells would be called certain.
    rows = np.arange(len(codes))

    def loss(log_temperature: float) -> float:
        return -float(log_softmax(scores / np.exp(log_temperature), axis=1)[rows, codes].mean())

    return float(np.exp(minimize_scalar(loss, bounds=_LOG_TEMPERATURE, method="bounded").x))


def cross_calibrate(
    scores: np.ndarray, codes: np.ndarray, folds: np.ndarray, counts: np.ndarray | None = None
) -> np.ndarray:
    """Turn held-out scores into probabilities, each fold with the temperature of the other folds.

    The temperature a head ships with is fitted on all held-out scores; figures made with that one would flatter it.

    Parameters
    ----------
    scores, codes
        See `fit_temperature`.
    folds : ndarray of shape (N,), int
        Fold of each row.
    counts : ndarray of shape (N,), bool, optional
        Rows that temperatures are fitted to; all when left out.

    Returns
    -------
    ndarray of shape (N, K)
    """
    probabilities = np.zeros(scores.shape)
    for fold in np.unique(folds):
        here = folds == fold
        rest = ~here if counts is None else ~here & counts
        probabilities[here] = softmax(scores[here] / fit_temperature(scores[rest], codes[rest]), axis=1)
    return probabilities
