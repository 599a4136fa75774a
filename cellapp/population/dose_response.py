"""Dose response: a logistic curve per treatment, whether there is one, and the dose of half the effect."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

LEAST_DOSES, LEAST_WELLS = 4, 6
"""Different doses above 0, and wells with the controls, that four parameters need."""
_SLOPES = 0.4, 5.0
_FINE, _COARSE = (24, 14), (8, 5)  # doses of half the effect per decade, and slopes, that are tried
_BEYOND = 10.0  # how far beyond the doses given
_LEVEL = 0.95


@dataclass(frozen=True)
class DoseResponse:
    """A logistic curve: ``start + (end - start) / (1 + (ec50 / dose)**slope)``."""

    start: float  # value without the treatment
    end: float  # value that high doses tend to
    ec50: float  # dose of half the way
    ec50_low: float | None  # 95 % interval; None where it reaches beyond what the doses can say
    ec50_high: float | None
    slope: float  # Hill coefficient, above 0
    p: float  # of no response to the dose
    n_wells: int
    lowest: float  # doses above 0
    highest: float

    @property
    def inside(self) -> bool:
        """Whether half the way lies among the doses that were given, and its interval has two ends."""
        ends = self.ec50_low is not None and self.ec50_high is not None
        return ends and self.lowest <= self.ec50 <= self.highest

    def at(self, doses: np.ndarray) -> np.ndarray:
        """Return the curve at doses, (N,) of 0 and more."""
        return self.start + (self.end - self.start) * _rise(np.asarray(doses, float), self.ec50, self.slope)


def fit_dose_response(
    doses: np.ndarray, values: np.ndarray, plates: np.ndarray, *, draws: int = 9999, seed: int = 0
) -> DoseResponse | None:
    """Fit a logistic curve of four parameters by least squares, and test it against no response.

    The dose of half the effect and the slope, in which the curve is not linear, are tried on a grid and refined; start
    and end follow by linear least squares, so that no starting value decides the result. The p-value is that of a
    permutation test: doses are dealt anew among the wells of each plate, and the best curve of a coarser grid is fitted
    to each deal. The interval of the dose of half the effect is that of the profile of the residual sum of
    squares (F-test, Bates and Watts 1988).

    Parameters
    ----------
    doses : ndarray of shape (N,)
        0 for negative controls.
    values : ndarray of shape (N,)
        Of each well, with the mean of the controls of its plate taken off.
    plates : ndarray of shape (N,), str
    draws : int
        Permutations.
    seed : int

    Returns
    -------
    DoseResponse or None
        None with fewer than `LEAST_DOSES` doses or `LEAST_WELLS` wells, or where all values are the same.
    """
    doses, values = np.asarray(doses, float), np.asarray(values, float)
    given = np.unique(doses[doses > 0])
    if len(given) < LEAST_DOSES or len(doses) < LEAST_WELLS or not np.ptp(values):
        return None
    curves = _Curves(doses, *_grid(given, *_FINE))
    ec50, slope, residual = _refined(curves, doses, values)
    start, end = _ends(doses, values, ec50, slope)
    low, high = _profile(curves, values, residual)
    return DoseResponse(
        start=start,
        end=end,
        ec50=ec50,
        ec50_low=low if low is None else min(low, ec50),
        ec50_high=high if high is None else max(high, ec50),
        slope=slope,
        p=_permutation_p(_Curves(doses, *_grid(given, *_COARSE)), values, plates, draws, seed),
        n_wells=len(doses),
        lowest=float(given[0]),
        highest=float(given[-1]),
    )


def _grid(given: np.ndarray, per_decade: int, n_slopes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return doses of half the effect, (E,), and slopes, (S,)."""
    low, high = np.log10(given[0] / _BEYOND), np.log10(given[-1] * _BEYOND)
    return np.logspace(low, high, int((high - low) * per_decade) + 2), np.geomspace(*_SLOPES, n_slopes)


def _rise(doses: np.ndarray, ec50: np.ndarray | float, slope: np.ndarray | float) -> np.ndarray:
    """Return the share of the effect at each dose, 0 to 1."""
    with np.errstate(divide="ignore", over="ignore"):
        return 1 / (1 + (ec50 / doses) ** slope)


@dataclass(frozen=True, eq=False)
class _Curves:
    """All curves of the grid as directions that values are projected on."""

    doses: np.ndarray  # (N,)
    ec50: np.ndarray  # (E,)
    slopes: np.ndarray  # (S,)

    @cached_property
    def directions(self) -> np.ndarray:
        """Rise of each curve without its mean and of length 1, (E * S, N); 0 where it is flat."""
        rise = _rise(self.doses, self.ec50[:, None, None], self.slopes[:, None]).reshape(-1, len(self.doses))
        rise -= rise.mean(axis=1, keepdims=True)
        length = np.linalg.norm(rise, axis=1, keepdims=True)
        return np.divide(rise, length, out=np.zeros_like(rise), where=length > 1e-9)

    def explained(self, values: np.ndarray) -> np.ndarray:
        """Return how much of the sum of squares around the mean each curve takes, (E * S, ...) for values (N, ...)."""
        return (self.directions @ (values - values.mean(axis=0))) ** 2


def _total(values: np.ndarray) -> float:
    return float(((values - values.mean()) ** 2).sum())


def _refined(curves: _Curves, doses: np.ndarray, values: np.ndarray) -> tuple[float, float, float]:
    """Return dose of half the effect, slope and residual sum of squares of the best curve, begun at the grid's."""
    from scipy.optimize import minimize

    e, s = np.unravel_index(int(curves.explained(values).argmax()), (len(curves.ec50), len(curves.slopes)))
    start = np.log([curves.ec50[e], curves.slopes[s]])

    def residual(logs: np.ndarray) -> float:
        return _total(values) - float(_Curves(doses, np.exp(logs[:1]), np.exp(logs[1:])).explained(values)[0])

    bounds = [tuple(np.log(curves.ec50[[0, -1]])), tuple(np.log(curves.slopes[[0, -1]]))]
    found = minimize(residual, start, method="Nelder-Mead", bounds=bounds, options={"xatol": 1e-4, "fatol": 0})
    logs = found.x if found.fun <= residual(start) else start
    return float(np.exp(logs[0])), float(np.exp(logs[1])), max(residual(logs), 0.0)


def _ends(doses: np.ndarray, values: np.ndarray, ec50: float, slope: float) -> tuple[float, float]:
    rise = _rise(doses, ec50, slope)
    (start, end), *_ = np.linalg.lstsq(np.stack([1 - rise, rise], axis=1), values, rcond=None)
    return float(start), float(end)


def _profile(curves: _Curves, values: np.ndarray, residual: float) -> tuple[float | None, float | None]:
    """Return the interval of the dose of half the effect; None for an end that reaches beyond the grid."""
    from scipy.stats import f

    best = _total(values) - curves.explained(values).reshape(len(curves.ec50), -1).max(axis=1)
    free = len(values) - 4
    inside = np.flatnonzero(best <= residual * (1 + f.ppf(_LEVEL, 1, free) / free))
    inside = inside if len(inside) else np.array([best.argmin()])  # narrower than a step of the grid
    low, high = inside[0] - 1, inside[-1] + 1  # the first that do not fit
    return (
        None if low < 0 else float(curves.ec50[low]),
        None if high >= len(curves.ec50) else float(curves.ec50[high]),
    )


def _permutation_p(curves: _Curves, values: np.ndarray, plates: np.ndarray, draws: int, seed: int) -> float:
    """Return the share of deals, and the one that was made, whose best curve explains as much."""
    rng = np.random.default_rng(seed)
    order = np.tile(np.arange(len(values)), (draws, 1))
    for plate in np.unique(plates):
        rows = np.flatnonzero(plates == plate)
        order[:, rows] = rng.permuted(order[:, rows], axis=1)
    best = curves.explained(values).max()
    dealt = curves.explained(values[order.T]).max(axis=0)
    return float((1 + (dealt >= best * (1 - 1e-9)).sum()) / (draws + 1))
