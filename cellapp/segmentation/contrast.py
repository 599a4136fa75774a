"""Statistics of a picture that tell cells without stain, and blood smears, from stained cells and tissue."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

BLOCKS_PX = (2, 4, 8, 16, 32)
"""Sides of the squares whose means show how much of the contrast is that coarse."""
HISTOGRAM_BINS = 64
GRAY_STATISTICS = (
    "background",
    "median",
    "skewness",
    "log_kurtosis",
    "above",
    "below",
    *(f"coarser_than_{side}_px" for side in BLOCKS_PX),
    "edges_of_bright",
    "edges_of_dark",
)
COLOUR_STATISTICS = (*GRAY_STATISTICS, "chroma_of_background", "red", "blue", "chroma", "spread_of_hue", "dark_share")


def describe_gray(plane: np.ndarray) -> np.ndarray:
    """Describe how brightness is distributed and at which scales it varies.

    Parameters
    ----------
    plane : ndarray of shape (Y, X), float
        Of any range; only differences over it count.

    Returns
    -------
    ndarray of shape (13,), float64
        In the order of `GRAY_STATISTICS`; zeros for an even plane.
    """
    low, high = np.percentile(plane, [0.5, 99.5])
    if high <= low:
        return np.zeros(len(GRAY_STATISTICS))
    unit = np.clip((plane - low) / (high - low), 0, 1).astype(np.float32)
    mode, centred = _mode(unit), unit - unit.mean()
    spread = max(float(unit.std()), 1e-6)
    skewness, kurtosis = float((centred**3).mean() / spread**3), float((centred**4).mean() / spread**4)
    shares = [float((unit > mode + 0.15).mean()), float((unit < mode - 0.15).mean())]
    smooth = ndimage.gaussian_filter(unit, 1.5)
    slope = ndimage.gaussian_gradient_magnitude(unit, 1.5) / spread
    edges = [_mean(slope[smooth > mode + 0.2]), _mean(slope[smooth < mode - 0.2])]
    head = [mode, float(np.median(unit)), skewness, float(np.log(max(kurtosis, 1e-6)))]
    return np.array([*head, *shares, *_variance_by_scale(unit, spread), *edges], float)


def describe_colour(pixels: np.ndarray) -> np.ndarray:
    """Describe a photograph: its luminance as `describe_gray` does, and the colours of background and foreground.

    Parameters
    ----------
    pixels : ndarray of shape (3, Y, X), float
        Red, green and blue, 0 to 1.

    Returns
    -------
    ndarray of shape (19,), float64
        In the order of `COLOUR_STATISTICS`.
    """
    gray = pixels[1]  # stains of blood and tissue absorb green
    smooth = ndimage.gaussian_filter(pixels, (0, 1, 1))
    total = np.maximum(smooth.sum(axis=0), 1e-3)
    share = smooth / total  # of red, green and blue in the light
    chroma = share.max(axis=0) - share.min(axis=0)
    low, high = np.percentile(smooth[1], [1, 99])
    dark = smooth[1] < (low + high) / 2
    if not dark.any() or dark.all():
        return np.concatenate([describe_gray(gray), np.zeros(6)])
    back = share[:, ~dark].mean(axis=1)
    red, _, blue = share[:, dark].mean(axis=1) - back
    colours = [chroma[~dark].mean(), red, blue, chroma[dark].mean(), (share[0] - share[2])[dark].std(), dark.mean()]
    return np.concatenate([describe_gray(gray), colours])


def _mode(unit: np.ndarray) -> float:
    counts, edges = np.histogram(unit, HISTOGRAM_BINS, (0, 1))
    counts = counts.astype(float)
    counts[[0, -1]] = counts[[1, -2]]  # what is clipped there is no level of its own
    at = np.convolve(counts, np.ones(5), mode="same").argmax()
    return float((edges[at] + edges[at + 1]) / 2)


def _variance_by_scale(unit: np.ndarray, spread: float) -> list[float]:
    """Return the share of the variance that is left between the means of squares of each side."""
    shares = []
    for side in BLOCKS_PX:
        rows, columns = (max(length // side, 1) for length in unit.shape)
        part = unit[: rows * side, : columns * side]
        part = part.reshape(rows, part.shape[0] // rows, columns, part.shape[1] // columns).mean(axis=(1, 3))
        shares.append(float(part.var()) / spread**2)
    return shares


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else 0.0
