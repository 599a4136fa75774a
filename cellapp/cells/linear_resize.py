"""Linear resizing of small pictures as a product with one matrix per side, which costs a tenth of a general resize.

The matrices are sparse: a pixel is made of few, and a product of dense ones would wait for a second thread.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import sparse

_TRUNCATE = 4.0  # standard deviations that a Gaussian reaches


@lru_cache(maxsize=512)  # boxes of cells have few sides
def scaling(n_in: int, n_out: int, *, anti_aliased: bool) -> sparse.csr_array:
    """Return the matrix that resizes one side of a picture, for `resized`.

    It is a Gaussian of (n_in / n_out - 1) / 2 px where the side shrinks, then linear interpolation.

    Parameters
    ----------
    n_in, n_out : int
        Pixels along the side before and after.
    anti_aliased : bool
        Whether to smooth first where the side shrinks.

    Returns
    -------
    csr_array of shape (n_out, n_in), float64
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
    return sparse.csr_array(matrix)


def resized(pictures: np.ndarray, rows: sparse.csr_array, columns: sparse.csr_array) -> np.ndarray:
    """Resize pictures as ``skimage.transform.resize`` of order 1 does, edges mirrored, up to the last bits.

    Parameters
    ----------
    pictures : ndarray of shape (C, h, w)
    rows : csr_array of shape (H, h)
        ``scaling(h, H)``.
    columns : csr_array of shape (W, w)
        ``scaling(w, W)``.

    Returns
    -------
    ndarray of shape (C, H, W), float64
    """
    n, height, width = pictures.shape
    lower = rows @ pictures.transpose(1, 0, 2).reshape(height, n * width)
    lower = lower.reshape(-1, n, width).transpose(2, 1, 0)  # (w, C, H)
    both = columns @ lower.reshape(width, -1)
    return both.reshape(-1, *lower.shape[1:]).transpose(1, 2, 0)


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
