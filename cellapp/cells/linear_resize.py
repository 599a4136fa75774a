"""Linear resizing of small pictures as a product with one matrix per side, which costs a tenth of a general resize."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

_TRUNCATE = 4.0  # standard deviations that a Gaussian reaches


@lru_cache(maxsize=512)  # boxes of cells have few sides
def scaling(n_in: int, n_out: int, *, anti_aliased: bool) -> np.ndarray:
    """Return the matrix that resizes one side of a picture.

    ``scaling(h, H) @ picture @ scaling(w, W).T`` is ``skimage.transform.resize`` of order 1, edges mirrored, up to the
    last bits: a Gaussian of (n_in / n_out - 1) / 2 px where the side shrinks, then linear interpolation.

    Parameters
    ----------
    n_in, n_out : int
        Pixels along the side before and after.
    anti_aliased : bool
        Whether to smooth first where the side shrinks.

    Returns
    -------
    ndarray of shape (n_out, n_in), float64
        Rows sum to 1; not to be written to, as it is kept.
    """
    at = (np.arange(n_out) + 0.5) * n_in / n_out - 0.5
    first = np.floor(at).astype(int)
    kernel = _gaussian((n_in / n_out - 1) / 2 if anti_aliased else 0.0)
    reach, beyond = len(kernel) // 2, (at - first)[:, None]
    weights = np.zeros((n_out, len(kernel) + 1))
    weights[:, :-1] = kernel * (1 - beyond)
    weights[:, 1:] += kernel * beyond
    places = _mirrored(first[:, None] + np.arange(-reach, reach + 2), n_in)
    matrix = np.zeros((n_out, n_in))
    np.add.at(matrix, (np.arange(n_out)[:, None], places), weights)
    matrix.flags.writeable = False
    return matrix


def _gaussian(sigma_px: float) -> np.ndarray:
    """Return the weights of a Gaussian, as ``scipy.ndimage.gaussian_filter1d`` has them; one where it has no width."""
    if sigma_px <= 0:
        return np.ones(1)
    reach = int(_TRUNCATE * sigma_px + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_px) ** 2)
    return weights / weights.sum()


def _mirrored(places: np.ndarray, n: int) -> np.ndarray:
    """Mirror places beyond either end at the middle of the last pixel."""
    if n == 1:
        return np.zeros_like(places)
    folded = np.abs(places) % (2 * n - 2)
    return np.minimum(folded, 2 * n - 2 - folded)
