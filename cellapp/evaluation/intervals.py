"""Bootstrap intervals over groups, of which whole ones are drawn: cells of one slide or patient are not independent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from cellapp.evaluation.scores import measure_calls, rounded

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
"""Figures of `measure_calls` that get an interval in the table of methods; all but balanced accuracy and calibration
error are about the positive class."""

Figures = Mapping[str, float | None]


def draw_groups(groups: np.ndarray, *, draws: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Draw as many groups as there are, with replacement, and give the rows of their cells.

    Parameters
    ----------
    groups : ndarray of shape (N,), str
    draws : int
    seed : int

    Yields
    ------
    ndarray of int
        Rows of one draw; a group that is drawn twice has its rows twice.
    """
    rng = np.random.default_rng(seed)
    names, of_cell = np.unique(groups, return_inverse=True)
    members = [np.flatnonzero(of_cell == k) for k in range(len(names))]
    for _ in range(draws):
        yield np.concatenate([members[k] for k in rng.integers(0, len(names), len(names))])


def with_intervals(
    measure: Callable[[np.ndarray], Figures], codes: np.ndarray, groups: np.ndarray, n_classes: int
) -> dict[str, dict[str, float | None]]:
    """Measure some cells, each figure with its 95 % interval over groups.

    Parameters
    ----------
    measure : callable
        Takes rows, (M,) int, and returns figures by name; None where one is not defined.
    codes : ndarray of shape (N,), int
        True class of each cell; draws that lack a class are not measured.
    groups : ndarray of shape (N,), str
    n_classes : int

    Returns
    -------
    dict
        Figure -> value, low and high, to four digits; low and high are None where fewer than half of the draws define
        the figure.
    """
    whole = measure(np.arange(len(codes)))
    drawn = draw_groups(groups, draws=RESAMPLES)
    measured = [measure(rows) for rows in drawn if len(np.unique(codes[rows])) == n_classes]
    return {name: {"value": rounded(whole[name]), **_limits([one[name] for one in measured])} for name in whole}


def _limits(values: Sequence[float | None]) -> dict[str, float | None]:
    defined = [value for value in values if value is not None]
    if len(defined) < RESAMPLES / 2:
        return {"low": None, "high": None}
    low, high = np.percentile(defined, (2.5, 97.5))
    return {"low": rounded(low), "high": rounded(high)}


def figures_with_intervals(
    probabilities: np.ndarray, codes: np.ndarray, groups: np.ndarray, *, classes: Sequence[str], positive: str
) -> dict[str, dict[str, float | None]]:
    """Measure held-out calls of one method: `FIGURES` of `measure_calls`, see `with_intervals`.

    Parameters
    ----------
    probabilities : ndarray of shape (N, K)
    codes : ndarray of shape (N,)
    groups : ndarray of shape (N,), str
    classes : sequence of str
    positive : str
    """

    def measure(rows: np.ndarray) -> Figures:
        figures = measure_calls(probabilities[rows], codes[rows], classes, positive)
        return {name: figures[name] for name in FIGURES}

    return with_intervals(measure, codes, groups, len(classes))
