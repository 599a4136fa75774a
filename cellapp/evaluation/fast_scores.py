"""Scores of calls that are quick enough to be taken a thousand times, once per draw of a bootstrap.

scikit-learn has the same; its checks of the arguments take ten times as long as the scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np


def accuracy(codes: np.ndarray, probabilities: np.ndarray, positive: int) -> float:
    """Return the share of cells whose most probable class is theirs."""
    return float((probabilities.argmax(axis=1) == codes).mean())


def balanced_accuracy(codes: np.ndarray, probabilities: np.ndarray, positive: int) -> float:
    """Return the mean share found of each class that occurs."""
    confusion = confusion_counts(codes, probabilities)
    there = confusion.sum(axis=1) > 0
    return float((confusion.diagonal()[there] / confusion.sum(axis=1)[there]).mean())


def f1_weighted(codes: np.ndarray, probabilities: np.ndarray, positive: int) -> float:
    """Return the F1 of each class, weighted by its number of cells."""
    confusion = confusion_counts(codes, probabilities)
    n_true, n_called = confusion.sum(axis=1), confusion.sum(axis=0)
    f1 = 2 * confusion.diagonal() / np.maximum(n_true + n_called, 1)
    return float((f1 * n_true).sum() / n_true.sum())


def auc(codes: np.ndarray, probabilities: np.ndarray, positive: int) -> float:
    """Return the area under the ROC curve of the positive class; NaN where one side of it has no cell."""
    from scipy.stats import rankdata

    truth = codes == positive
    n_positive, n_other = int(truth.sum()), int((~truth).sum())
    if not n_positive or not n_other:
        return float("nan")
    ranks = rankdata(probabilities[:, positive])[truth].sum() - n_positive * (n_positive + 1) / 2
    return float(ranks / n_positive / n_other)


def confusion_counts(codes: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Count cells by true (rows) and most probable class (columns), (K, K) int."""
    k = probabilities.shape[1]
    return np.bincount(codes * k + probabilities.argmax(axis=1), minlength=k * k).reshape(k, k)


SCORES: Mapping[str, Callable[[np.ndarray, np.ndarray, int], float]] = {
    "balanced_accuracy": balanced_accuracy,
    "accuracy": accuracy,
    "f1_weighted": f1_weighted,
    "auc": auc,
}
"""By name; each of true classes (N,) int, probabilities (N, K) and the column of the positive class."""
