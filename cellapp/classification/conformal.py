"""Sets of possible classes that hold the true one as often as promised (split conformal prediction).

A class stays possible while its probability is one that cells of that class had often enough when they were held out
(Sadinle, Lei and Wasserman 2019, arXiv:1609.00451), counted for each class by itself (Vovk 2012, arXiv:1209.2673), so
that the promise holds for the rarer class, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

ERROR_RATES = (*(k / 100 for k in range(1, 21)), 0.25, 0.3, 0.4, 0.5)
"""Shares of cells whose class may be missing from their set, for which a head stores its limits."""


@dataclass(frozen=True, eq=False)
class ConformalLimits:
    """From which probability on a class is possible, by error rate."""

    error_rates: tuple[float, ...]  # E, ascending
    limits: np.ndarray  # (E, K) float64; 0 where a class has too few cells to ever be left out

    def possible(self, probabilities: np.ndarray, error_rate: float) -> np.ndarray:
        """Say which classes are possible for each cell.

        Parameters
        ----------
        probabilities : ndarray of shape (N, K)
        error_rate : float
            At most this share of the cells of each class lacks it; the next smaller one of `error_rates` is taken.

        Returns
        -------
        ndarray of shape (N, K), bool
            A row may have no class: then none is like the cells it was calibrated on.
        """
        row = int(np.searchsorted(np.asarray(self.error_rates) - 1e-9, error_rate, side="right")) - 1
        return probabilities >= self.limits[max(row, 0)]

    @property
    def as_json(self) -> dict[str, Any]:
        """Plain values, as head.json has them."""
        return {"error_rates": list(self.error_rates), "limits": self.limits.tolist()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ConformalLimits:
        """Read what `as_json` gave."""
        return cls(tuple(content["error_rates"]), np.array(content["limits"], float))


def fit_conformal(probabilities: np.ndarray, codes: np.ndarray) -> ConformalLimits:
    """Find the limits on cells that were held out.

    Parameters
    ----------
    probabilities : ndarray of shape (N, K)
        Of heads that had not seen the group of the cell.
    codes : ndarray of shape (N,), int
        True class of each cell.
    """
    own = [np.sort(probabilities[codes == k, k]) for k in range(probabilities.shape[1])]
    limits = [[_limit(of_class, rate) for of_class in own] for rate in ERROR_RATES]
    return ConformalLimits(ERROR_RATES, np.array(limits))


def _limit(own: np.ndarray, error_rate: float) -> float:
    """Return the limit of one class from the probabilities it had for its own cells, ascending."""
    n = len(own)
    needed = int(np.ceil((n + 1) * (1 - error_rate) - 1e-9))  # cells that must keep their class, one to come included
    return float(own[n - needed]) if needed <= n else 0.0


def held_out_sets(probabilities: np.ndarray, codes: np.ndarray, folds: np.ndarray, error_rate: float) -> np.ndarray:
    """Say which classes are possible for cells of each fold, with the limits of the other folds.

    Parameters
    ----------
    probabilities : ndarray of shape (N, K)
        Held-out.
    codes : ndarray of shape (N,), int
    folds : ndarray of shape (N,), int
        No group in two of them.
    error_rate : float

    Returns
    -------
    ndarray of shape (N, K), bool
    """
    possible = np.zeros(probabilities.shape, bool)
    for fold in np.unique(folds):
        here = folds == fold
        possible[here] = fit_conformal(probabilities[~here], codes[~here]).possible(probabilities[here], error_rate)
    return possible
