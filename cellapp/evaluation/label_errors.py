"""Which labels look wrong: confident learning on held-out probabilities (Northcutt, Jiang and Chuang 2021, JAIR 70)."""

from __future__ import annotations

import numpy as np


def suspicious_labels(codes: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Find labels that held-out calls contradict, the least believable first.

    Parameters
    ----------
    codes : ndarray of shape (N,), int
        Labelled class of each cell, a column of `probabilities`.
    probabilities : ndarray of shape (N, K)
        Of heads that had not seen the group of the cell.

    Returns
    -------
    ndarray of int
        Rows for which `confident_classes` has another class than the labelled one, by the probability of the label
        minus that of the most probable other class.
    """
    confident, rows = confident_classes(codes, probabilities), np.arange(len(codes))
    others = probabilities.copy()
    others[rows, codes] = -1.0
    margin = probabilities[rows, codes] - others.max(axis=1)
    wrong = np.flatnonzero((confident >= 0) & (confident != codes))
    return wrong[np.argsort(margin[wrong], kind="stable")]


def confident_classes(codes: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the class that each cell seems to be of, (N,) int; -1 where there is none.

    A class is confidently possible for a cell where its probability reaches the mean one among the cells labelled so,
    which allows for classes of which a head is less sure. The most probable of these is taken.

    Parameters
    ----------
    codes, probabilities
        See `suspicious_labels`.
    """
    thresholds = np.full(probabilities.shape[1], np.inf)
    for code in np.unique(codes):
        thresholds[code] = probabilities[codes == code, code].mean()
    confident = np.where(probabilities >= thresholds, probabilities, -1.0)
    return np.where(confident.max(axis=1) >= 0, confident.argmax(axis=1), -1)
