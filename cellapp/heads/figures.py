"""Figures of calls with intervals over groups, and whether probabilities mean what they say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cellapp.classification.validate import measure_calls

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
"""Figures of `measure_calls` that get an interval; all but balanced accuracy and calibration error speak of the
positive class."""

_BINS = 10


def figures_with_intervals(
    probabilities: np.ndarray, codes: np.ndarray, groups: np.ndarray, *, classes: Sequence[str], positive: str
) -> dict[str, dict[str, float | None]]:
    """Measure held-out calls, each figure with its 95 % bootstrap interval.

    Whole groups are drawn, because cells of one group are no independent witnesses.

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
    drawn = []
    for rows in _draws(groups):
        if len(np.unique(codes[rows])) == len(classes):
            drawn.append(measure_calls(probabilities[rows], codes[rows], classes, positive))
    return {name: {"value": whole[name], **_limits([one[name] for one in drawn])} for name in FIGURES}


def reliability(probabilities: np.ndarray, truth: np.ndarray) -> list[dict[str, float]]:
    """Compare the probability of the positive class with how often it was right, in ten bins of equal width.

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
    bins = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    return [
        {
            "low": float(k / _BINS),
            "high": float((k + 1) / _BINS),
            "n": int((bins == k).sum()),
            "said": round(float(probabilities[bins == k].mean()), 4),
            "was": round(float(truth[bins == k].mean()), 4),
        }
        for k in np.unique(bins)
    ]


def _draws(groups: np.ndarray) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    names, of_cell = np.unique(groups, return_inverse=True)
    members = [np.flatnonzero(of_cell == k) for k in range(len(names))]
    return [np.concatenate([members[k] for k in rng.integers(0, len(names), len(names))]) for _ in range(RESAMPLES)]


def _limits(values: Sequence[float | None]) -> dict[str, float | None]:
    known = [value for value in values if value is not None]
    if len(known) < RESAMPLES / 2:
        return {"low": None, "high": None}
    low, high = np.percentile(known, (2.5, 97.5))
    return {"low": round(float(low), 4), "high": round(float(high), 4)}
