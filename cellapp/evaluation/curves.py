"""Curves of held-out calls: ROC, precision and recall, and how far probabilities are from frequencies."""

from __future__ import annotations

import numpy as np

N_BINS = 10
"""Bins of equal width between 0 and 1, each with its lower limit; the last one with 1, too."""

MAX_POINTS = 200
"""Points a curve is thinned to, the first and the last among them."""


def roc_curve(truth: np.ndarray, probabilities: np.ndarray) -> dict[str, list[float]]:
    """Return the receiver operating characteristic of the positive class.

    Parameters
    ----------
    truth : ndarray of shape (N,), bool
        Whether each cell is of the positive class; both answers occur.
    probabilities : ndarray of shape (N,)
        Of the positive class.

    Returns
    -------
    dict
        ``false_positive_rate``, ``true_positive_rate`` and ``threshold``, from (0, 0) to (1, 1); the first threshold,
        which no cell reaches, is written as 1.
    """
    from sklearn.metrics import roc_curve as roc

    false, true, threshold = roc(truth, probabilities)
    return _thinned(false_positive_rate=false, true_positive_rate=true, threshold=np.minimum(threshold, 1.0))


def precision_recall_curve(truth: np.ndarray, probabilities: np.ndarray) -> dict[str, list[float]]:
    """Return precision against recall of the positive class.

    Parameters
    ----------
    truth, probabilities
        See `roc_curve`.

    Returns
    -------
    dict
        ``recall``, ``precision`` and ``threshold``, from the lowest threshold on.
    """
    from sklearn.metrics import precision_recall_curve as curve

    precision, recall, threshold = curve(truth, probabilities, drop_intermediate=True)
    return _thinned(recall=recall, precision=precision, threshold=np.append(threshold, 1.0))


def _thinned(**columns: np.ndarray) -> dict[str, list[float]]:
    n = len(next(iter(columns.values())))
    rows = np.unique(np.linspace(0, n - 1, min(n, MAX_POINTS)).round().astype(int))
    return {name: np.round(values[rows].astype(float), 6).tolist() for name, values in columns.items()}


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
