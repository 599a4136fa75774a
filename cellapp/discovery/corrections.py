"""What differs between batches, taken out of vectors before cells are grouped.

A correction is fitted to the cells it is told and can then be applied to others, so that what it is worth can be
measured on images that it was not fitted to. Harmony (Korsunsky et al. 2019) moves all cells together and has no map
for others, so that it could be judged only by what it was fitted to: it is not offered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cellapp.errors import InputError
from cellapp.evaluation.control_axes import fit_to_controls, floored

_MIN_CONTROLS = 10


@dataclass(frozen=True, eq=False)
class Correction:
    """How batches of N cells are taken out; exactly one of the two is given."""

    batches: np.ndarray | None = None  # (N,) str: each is given mean 0 and standard deviation 1
    controls: np.ndarray | None = None  # (N,) bool: what these vary most in is shrunk

    def apply(self, features: np.ndarray, fit_on: np.ndarray | None = None) -> np.ndarray:
        """Correct the cells.

        Parameters
        ----------
        features : ndarray of shape (N, F)
        fit_on : ndarray of shape (N,), bool, optional
            Cells that the correction is fitted to; all when left out.

        Returns
        -------
        ndarray of shape (N, F), float64

        Raises
        ------
        InputError
            When no batch has two cells to be scaled by, or there are fewer than ten controls.
        """
        if self.batches is not None:
            return scaled_by(features, self.batches, fit_on)
        rows = self.controls if fit_on is None else self.controls & fit_on
        if rows.sum() < _MIN_CONTROLS:
            raise InputError(f"there are {rows.sum()} control cells to fit to, and it takes {_MIN_CONTROLS}")
        features = np.asarray(features, np.float64)
        return fit_to_controls(features[rows]).apply(features)

    def at(self, rows: np.ndarray) -> Correction:
        """Return the correction of some of the cells."""
        parts = {name: value[rows] for name in ("batches", "controls") if (value := getattr(self, name)) is not None}
        return replace(self, **parts)


def correction_of(columns: Mapping[str, Sequence[str]], correct: str | None, controls: str | None) -> Correction | None:
    """Return the correction that settings ask for.

    Parameters
    ----------
    columns : mapping of str to sequence of str
        What is known of the cells.
    correct : str or None
        Column of batches.
    controls : str or None
        ``column=value`` of control cells.

    Raises
    ------
    InputError
        When both are asked for, or the column or the value is not there.
    """
    if correct is None and controls is None:
        return None
    if correct is not None and controls is not None:
        raise InputError("batches are taken out by a column or by controls, not by both; leave one of them out")
    name, _, value = (controls or "").partition("=")
    name = correct or name
    if name not in columns:
        raise InputError(f"no column {name!r} to take out the batches by; there are {', '.join(columns) or 'none'}")
    values = np.asarray(columns[name], str)
    if correct is not None:
        return Correction(batches=values)
    if (values == value).sum() < _MIN_CONTROLS:
        raise InputError(
            f"{controls!r} names {(values == value).sum()} cells, and controls are {_MIN_CONTROLS} or more; values of "
            f"{name!r} are {', '.join(sorted(set(values) - {''})[:5])}"
        )
    return Correction(controls=values == value)


def scaled_by(features: np.ndarray, batches: Sequence[str], fit_on: np.ndarray | None = None) -> np.ndarray:
    """Give each batch mean 0 and standard deviation 1.

    This takes out all that differs between batches, what is biology, too, where a condition is in one batch alone.

    Parameters
    ----------
    features : ndarray of shape (N, F)
    batches : sequence of str
        N names.
    fit_on : ndarray of shape (N,), bool, optional
        Cells that means and deviations are of; a batch without two of them is scaled as batches are on average.

    Returns
    -------
    ndarray of shape (N, F), float64

    Raises
    ------
    InputError
        When no batch has two cells.
    """
    batches, features = np.asarray(batches, str), np.asarray(features, np.float64)
    fitted = np.ones(len(batches), bool) if fit_on is None else fit_on
    statistics = {
        name: (rows.mean(axis=0), floored(rows.std(axis=0)))
        for name in np.unique(batches)
        if len(rows := features[fitted & (batches == name)]) > 1
    }
    if not statistics:
        raise InputError("no batch has two cells to be scaled by; name another column")
    common = tuple(np.mean([pair[at] for pair in statistics.values()], axis=0) for at in (0, 1))
    scaled = np.empty_like(features)
    for name in np.unique(batches):
        mean, deviation = statistics.get(name, common)
        scaled[batches == name] = (features[batches == name] - mean) / deviation
    return scaled
