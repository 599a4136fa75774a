"""What control cells vary in, taken out of all cells: an affine map fitted to controls alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_MAX_AXES = 64
_MIN_STD = 0.02  # of the median feature's


@dataclass(frozen=True, eq=False)
class Correction:
    """Affine map of vectors: standardised, then shrunk along some axes."""

    shift: np.ndarray  # (F,)
    std: np.ndarray  # (F,), positive
    axes: np.ndarray  # (R, F), orthonormal rows
    gains: np.ndarray  # (R,): factor along each axis; 1 across all of them

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Correct features, (N, F)."""
        return self._shrink((features - self.shift) / self.std)

    def pull_back(self, weights: np.ndarray) -> np.ndarray:
        """Return weights, (K, F), of corrected features as weights of features that are standardised alone."""
        return self._shrink(weights)

    def _shrink(self, rows: np.ndarray) -> np.ndarray:
        return rows + ((rows @ self.axes.T) * (self.gains - 1)) @ self.axes


def fit_to_controls(controls: np.ndarray) -> Correction:
    """Turn vectors onto the principal axes of control cells and shrink those on which they vary most.

    Parameters
    ----------
    controls : ndarray of shape (N, F)
        Vectors of control cells, which should be alike: what they vary in is due to batches.

    Returns
    -------
    Correction
        Whitening of those axes (typical variation normalisation, Ando et al. 2017, doi:10.1101/161422).
    """
    shift, std = controls.mean(axis=0), floored(controls.std(axis=0))
    rows = (controls - shift) / std
    _, singular, axes = np.linalg.svd(rows, full_matrices=False)
    variances = singular**2 / max(len(rows) - 1, 1)
    kept = min(_MAX_AXES, int((variances > 1e-9).sum()))
    rest = variances[kept:].sum() / max(controls.shape[1] - kept, 1)
    # axes of less variance than the typical feature are left as they are: nothing there is due to batches
    typical = max(rest, float(variances.sum()) / controls.shape[1])
    return Correction(shift, std, axes[:kept], np.sqrt(np.minimum(typical / np.maximum(variances[:kept], 1e-12), 1.0)))


def floored(std: np.ndarray) -> np.ndarray:
    """Return standard deviations, (F,), none so small that dividing by it would make noise of it."""
    return np.maximum(std, max(_MIN_STD * float(np.median(std)), 1e-6))
