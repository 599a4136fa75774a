"""Known mixtures of classes: how they are written, and how far estimates are from them."""

from __future__ import annotations

import numpy as np


def mixture_rmse(estimated: np.ndarray, known: np.ndarray) -> float:
    """Return the root mean square error of compositions: sqrt(sum over images and classes of (y - p)^2 / N).

    Parameters
    ----------
    estimated, known : ndarray of shape (N, K)
        Share of each class in each of N images. The sum over classes is not divided by their number.
    """
    difference = np.asarray(estimated, float) - np.asarray(known, float)
    return float(np.sqrt((difference**2).sum() / len(difference)))
