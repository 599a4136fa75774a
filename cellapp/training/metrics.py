"""Figures of calls against the truth, with bootstrap intervals over groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, log_loss, roc_auc_score

from cellapp.training.calibration import calibration_error

RESAMPLES = 200

FIGURES = (
    "auc",
    "balanced_accuracy",
    "sensitivity",
    "specificity",
    "precision",
    "calibration_error",
    "brier",
)
"""Figures of `measure_calls` that get an interval; all but balanced accuracy and calibration error are about the
positive class."""


def figures_with_intervals(
    probabilities: np.ndarray, codes: np.ndarray, groups: np.ndarray, *, classes: Sequence[str], positive: str
) -> dict[str, dict[str, float | None]]:
    """Measure held-out calls, each figure with its 95 % bootstrap interval.

    Whole groups are drawn, because cells of one group are not independent.

    Parameters
    ----------
    probabilities : ndarray of shape (N, K)
    codes : ndarray of shape (N,)
    groups : ndarray of shape (N,), str
    classes : sequence of str
    positive : str

    Returns
    -------
    dict
        Figure -> value, low and high; None where nothing was called positive, or too few draws have every class.
    """
    whole = measure_calls(probabilities, codes, classes, positive)
    resampled = [
        measure_calls(probabilities[rows], codes[rows], classes, positive)
        for rows in _draw_groups(groups)
        if len(np.unique(codes[rows])) == len(classes)
    ]
    return {name: {"value": whole[name], **_limits([one[name] for one in resampled])} for name in FIGURES}


def _draw_groups(groups: np.ndarray) -> list[np.ndarray]:
    """Return the rows of each bootstrap sample of whole groups."""
    rng = np.random.default_rng(0)
    names, of_cell = np.unique(groups, return_inverse=True)
    members = [np.flatnonzero(of_cell == k) for k in range(len(names))]
    return [np.concatenate([members[k] for k in rng.integers(0, len(names), len(names))]) for _ in range(RESAMPLES)]


def _limits(values: Sequence[float | None]) -> dict[str, float | None]:
    defined = [value for value in values if value is not None]
    if len(defined) < RESAMPLES / 2:
        return {"low": None, "high": None}
    low, high = np.percentile(defined, (2.5, 97.5))
    return {"low": round(float(low), 4), "high": round(float(high), 4)}


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
        The class that sensitivity, precision, AUC and Brier score are about.

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
