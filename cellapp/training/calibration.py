"""Calibration of probabilities: one temperature for a head, and how far probabilities are from frequencies."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

N_BINS = 10
"""Bins of equal width between 0 and 1, each with its lower limit; the last one with 1, too."""

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


def cross_calibrate(scores: np.ndarray, codes: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Turn held-out scores into probabilities, each fold with the temperature of the other folds.

    The temperature a head ships with is fitted on all held-out scores; figures made with that one would flatter it.

    Parameters
    ----------
    scores, codes
        See `fit_temperature`.
    folds : ndarray of shape (N,), int
        Fold of each row.

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
    """Return the expected calibration error of the most probable class over `N_BINS` bins, 0 to 1.

    Parameters
    ----------
    probabilities : ndarray of shape (N, K)
        Zero rows give 0.
    codes : ndarray of shape (N,)
        True class of each row.
    """
    if len(codes) == 0:
        return 0.0
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == codes
    _, n, mean, share = _bins(confidence, correct)
    return float((n * np.abs(mean - share)).sum() / len(codes))


def reliability(probabilities: np.ndarray, truth: np.ndarray) -> list[dict[str, float]]:
    """Compare the probability of the positive class with how often it was right, bin by bin.

    Parameters
    ----------
    probabilities : ndarray of shape (N,)
        Of the positive class.
    truth : ndarray of shape (N,), bool

    Returns
    -------
    list of dict
        ``low``, ``high``, ``n``, ``said`` (mean probability) and ``was`` (share of the positive class); empty bins are
        left out.
    """
    return [
        {"low": float(k / N_BINS), "high": float((k + 1) / N_BINS), "n": int(n)}
        | {"said": round(float(mean), 4), "was": round(float(share), 4)}
        for k, n, mean, share in zip(*_bins(probabilities, truth), strict=True)
    ]


def _bins(probabilities: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return number, count, mean probability and share that is true of each bin that is not empty."""
    # sklearn's calibration_curve gives the last two alone, and neither which bins they are of nor how many cells.
    bin_of = np.minimum((probabilities * N_BINS).astype(int), N_BINS - 1)
    n, total, n_true = (np.bincount(bin_of, weights, minlength=N_BINS) for weights in (None, probabilities, truth))
    filled = np.flatnonzero(n)
    return filled, n[filled], total[filled] / n[filled], n_true[filled] / n[filled]
