"""How fast a culture grows: doubling time of cell counts or covered area, with its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import linregress, t

MIN_POINTS = 3
FULL = 0.8
"""Covered share from which a culture no longer grows exponentially; later points are left out."""


@dataclass(frozen=True)
class Growth:
    """Exponential growth of one place. Times in hours; None where they cannot be told."""

    n: int  # points the fit rests on
    doubling_h: float | None  # negative where it shrinks
    rate_per_h: float | None  # of the natural logarithm
    rate_low: float | None  # 95 % interval of the rate
    rate_high: float | None
    note: str = ""  # why there is none, or how far it can be trusted

    @property
    def doubling_limits_h(self) -> tuple[float | None, float | None]:
        """95 % interval of the doubling time; None where the interval of the rate holds 0, so that it has no end."""
        if self.rate_low is None or self.rate_high is None or self.rate_low <= 0 <= self.rate_high:
            return None, None
        return math.log(2) / self.rate_high, math.log(2) / self.rate_low


def fit_growth(times_h: Sequence[float], values: Sequence[float], *, full: float | None = FULL) -> Growth:
    """Fit exponential growth by least squares on the logarithm.

    Parameters
    ----------
    times_h : sequence of float
        Hours.
    values : sequence of float
        Counts, or covered shares; those that are not positive are left out.
    full : float, optional
        Of covered shares: values from here on are left out. None for counts.

    Returns
    -------
    Growth
        Needs three points at two times. The interval is that of the slope (Student's t); where it holds 0 the note says
        that growth cannot be told from none, and a doubling time means little.
    """
    times, values = np.asarray(times_h, np.float64), np.asarray(values, np.float64)
    kept = (values > 0) & (values < (np.inf if full is None else full))
    times, logs, n = times[kept], np.log(values[kept]), int(kept.sum())
    if n < MIN_POINTS or np.ptp(times) == 0:
        return Growth(n, None, None, None, None, f"fewer than {MIN_POINTS} times before it is full")
    fit = linregress(times, logs)
    half = float(t.ppf(0.975, n - 2)) * (float(fit.stderr) if np.isfinite(fit.stderr) else 0.0)
    low, high = float(fit.slope) - half, float(fit.slope) + half
    doubling = float(np.log(2) / fit.slope) if fit.slope else None
    note = "growth cannot be told from none" if low <= 0 <= high else ""
    return Growth(n, doubling, float(fit.slope), low, high, note)


def pool_growth(fits: Sequence[Growth]) -> Growth:
    """Return how fast the sequences of a condition grow together.

    Parameters
    ----------
    fits : sequence of Growth
        One per sequence; those without a rate are left out.

    Returns
    -------
    Growth
        Of the mean rate. Its interval is that of the mean of sequences (Student's t), since points of one sequence are
        not independent cultures; of one sequence its own. `n` counts sequences.
    """
    known = [fit for fit in fits if fit.rate_per_h is not None]
    if len(known) < 2:
        return replace(known[0], n=1) if known else Growth(0, None, None, None, None, "no sequence has a fit")
    rates = np.array([fit.rate_per_h for fit in known])
    rate, n = float(rates.mean()), len(rates)
    half = float(t.ppf(0.975, n - 1) * rates.std(ddof=1) / np.sqrt(n))
    note = "growth cannot be told from none" if rate - half <= 0 <= rate + half else ""
    return Growth(n, math.log(2) / rate if rate else None, rate, rate - half, rate + half, note)
