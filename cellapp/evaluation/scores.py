"""Figures of calls against the truth, quick enough to be taken a thousand times, once per draw of a bootstrap.

scikit-learn has the same; its checks of the arguments take ten times as long as the scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cellapp.evaluation.curves import calibration_error

_COUNTED_APART = ("groups", "folds")  # what metrics.json counts beside cells, under the same beginning

POSITIVE_SCORES = ("precision", "recall", "specificity", "f1", "auc", "average_precision", "brier")
"""Those of `score_calls` that are about the positive class."""

SCORE_TITLES = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "recall": "Sensitivity",
    "specificity": "Specificity",
    "precision": "Precision",
    "f1": "F1",
    "f1_macro": "F1, mean of classes",
    "f1_micro": "F1, all cells together",
    "f1_weighted": "F1, weighted by cells",
    "auc": "Area under the ROC curve",
    "average_precision": "Average precision",
    "top_2": "Class among the two most probable",
    "calibration_error": "Calibration error",
    "brier": "Brier score",
    "log_loss": "Log loss",
}
"""What people call the figures of `score_calls`."""


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
    n_true, f1 = np.bincount(codes, minlength=probabilities.shape[1]), f1_per_class(codes, probabilities)
    return float((f1 * n_true).sum() / n_true.sum())


def f1_macro(codes: np.ndarray, probabilities: np.ndarray, positive: int) -> float:
    """Return the mean F1 of the classes that occur or are called, each counted alike."""
    there = np.isin(np.arange(probabilities.shape[1]), np.concatenate([codes, probabilities.argmax(axis=1)]))
    return float(f1_per_class(codes, probabilities)[there].mean())


def f1_per_class(codes: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the harmonic mean of precision and recall of each class, (K,) float64; 0 where neither is defined."""
    confusion = confusion_counts(codes, probabilities)
    return 2 * confusion.diagonal() / np.maximum(confusion.sum(axis=1) + confusion.sum(axis=0), 1)


def auc(codes: np.ndarray, probabilities: np.ndarray, positive: int) -> float:
    """Return the area under the ROC curve of the positive class; NaN where one side of it has no cell."""
    from scipy.stats import rankdata

    truth = codes == positive
    n_positive, n_other = int(truth.sum()), int((~truth).sum())
    if not n_positive or not n_other:
        return float("nan")
    ranks = rankdata(probabilities[:, positive])[truth].sum() - n_positive * (n_positive + 1) / 2
    return float(ranks / n_positive / n_other)


def average_precision(codes: np.ndarray, probabilities: np.ndarray, positive: int) -> float:
    """Return the precision at each recall of the positive class, weighted by the step; NaN without such cells."""
    order = np.argsort(-probabilities[:, positive], kind="stable")
    said, hits = probabilities[order, positive], np.cumsum(codes[order] == positive)
    if not len(hits) or not hits[-1]:
        return float("nan")
    last = np.append(np.flatnonzero(np.diff(said)), len(said) - 1)  # equal probabilities are called together
    steps = np.diff(hits[last], prepend=0) / hits[-1]
    return float((steps * hits[last] / (last + 1)).sum())


def top_k(codes: np.ndarray, probabilities: np.ndarray, k: int) -> float:
    """Return the share of cells whose class is among their `k` most probable ones."""
    own = probabilities[np.arange(len(codes)), codes][:, None]
    return float(((probabilities > own).sum(axis=1) < k).mean())


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
"""Scores that heads are compared by; each of true classes (N,) int, probabilities (N, K) and the positive column."""


def score_calls(codes: np.ndarray, probabilities: np.ndarray, positive: int) -> dict[str, float | None]:
    """Score calls in every usual way.

    Parameters
    ----------
    codes : ndarray of shape (N,), int
        True class of each of at least one cell, a column of `probabilities`.
    probabilities : ndarray of shape (N, K)
    positive : int
        Column of the positive class, which `POSITIVE_SCORES` are about.

    Returns
    -------
    dict
        accuracy, balanced_accuracy, f1_macro, f1_micro, f1_weighted, those of `POSITIVE_SCORES`, log_loss,
        calibration_error and, of more than two classes, top_2. None where there is nothing to divide by: no cell of the
        positive class, none of another, or none called positive.
    """
    confusion = confusion_counts(codes, probabilities)
    own = np.clip(probabilities[np.arange(len(codes)), codes], np.finfo(float).eps, 1)
    truth = codes == positive
    share_right = accuracy(codes, probabilities, positive)
    values = {
        "accuracy": share_right,
        "balanced_accuracy": balanced_accuracy(codes, probabilities, positive),
        **one_sided(confusion, positive),
        "f1_macro": f1_macro(codes, probabilities, positive),
        "f1_micro": share_right,  # every cell has one class and one call, so that both mistakes of a pair are counted
        "f1_weighted": f1_weighted(codes, probabilities, positive),
        "auc": auc(codes, probabilities, positive),
        "average_precision": average_precision(codes, probabilities, positive),
        "brier": float(((probabilities[:, positive] - truth) ** 2).mean()),
        "log_loss": float(-np.log(own).mean()),
        "calibration_error": calibration_error(probabilities, codes),
        **({"top_2": top_k(codes, probabilities, 2)} if probabilities.shape[1] > 2 else {}),
    }
    return {name: value if value is not None and np.isfinite(value) else None for name, value in values.items()}


def one_sided(confusion: np.ndarray, at: int) -> dict[str, float | None]:
    """Return precision, recall, specificity and F1 of class `at`; None where there is nothing to divide by.

    Parameters
    ----------
    confusion : ndarray of shape (K, K), int
        See `confusion_counts`.
    at : int
    """
    hits, n_true, n_called, n = confusion[at, at], confusion[at].sum(), confusion[:, at].sum(), confusion.sum()
    n_other = n - n_true
    return {
        "precision": float(hits / n_called) if n_called else None,
        "recall": float(hits / n_true) if n_true else None,
        "specificity": float((n_other - n_called + hits) / n_other) if n_other else None,
        "f1": float(2 * hits / (n_true + n_called)) if n_true + n_called else None,
    }


def measure_calls(
    probabilities: np.ndarray, codes: np.ndarray, classes: Sequence[str], positive: str
) -> dict[str, Any]:
    """Count cells and measure calls, as heads carry it with them.

    Parameters
    ----------
    probabilities : ndarray of shape (N, K)
    codes : ndarray of shape (N,)
        True class of each row, an index into `classes`; every class occurs.
    classes : sequence of str
    positive : str
        The class that sensitivity, precision, AUC and Brier score are about.

    Returns
    -------
    dict
        Plain numbers: n, n_<class>, auc, balanced_accuracy, sensitivity, specificity, precision, brier, log_loss and
        calibration_error. Precision is None when nothing was called positive.
    """
    scores = score_calls(codes, probabilities, list(classes).index(positive))
    scores["sensitivity"] = scores["recall"]
    names = ("auc", "balanced_accuracy", "sensitivity", "specificity", "precision", "brier", "log_loss")
    counts = {"n": len(codes)} | class_counts({c: int((codes == k).sum()) for k, c in enumerate(classes)})
    return counts | {name: rounded(scores[name]) for name in (*names, "calibration_error")}


def rounded(value: float | None) -> float | None:
    """Round a figure to four digits, as it is written; None stays."""
    return None if value is None else round(float(value), 4)


def class_counts(n_of: Mapping[str, int]) -> dict[str, int]:
    """Return the number of cells of each class under ``n_<class>``.

    A class called "groups" or "folds" has one more underscore, ``n_groups_``, or as many as no other class has: without
    it that is the number of groups.
    """
    counts = {f"n_{name}": n for name, n in n_of.items() if name not in _COUNTED_APART}
    for name in (name for name in n_of if name in _COUNTED_APART):
        key = f"n_{name}_"
        while key in counts:
            key += "_"
        counts[key] = n_of[name]
    return counts
