"""Foreground of a plane: smoothing, Otsu's threshold, and the decision that a plane shows no cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_local, threshold_otsu

SMOOTHING = 0.02  # width of the smoothing, in cell diameters
LOCAL_BLOCK = 3.0  # side of the neighbourhood of a local threshold, in cell diameters
LOGIT_SPAN = 6.0  # foreground logit of a pixel as bright as the mean cell; the range of the probability slider
LEAST_CONTRAST = 3.5  # between the means of the two classes, in noise widths; white noise alone gives 1.6
LEAST_STEP = 0.12  # rise across outlines as a share of the contrast; uneven illumination has next to none
STEP_PX = 3
_NOISE_PX = 2**17  # second differences that are enough for a median


@dataclass(frozen=True, eq=False)
class Foreground:
    """Foreground as logits: another limit needs no image."""

    logit: np.ndarray  # (Y, X) float32; 0 on the threshold, about 6 on cells, -6 on background
    empty: bool = False  # the plane shows no structure

    def mask(self, limit: float = 0.0) -> np.ndarray:
        """Return the pixels above a limit, (Y, X) bool."""
        return np.zeros(self.logit.shape, bool) if self.empty else self.logit > limit


@dataclass(frozen=True)
class GlobalThreshold:
    """Threshold between background and foreground of a smoothed plane; one for a whole slide."""

    threshold: float
    contrast: float  # between the means of the two classes
    empty: bool = False  # no structure: noise, or uneven light


def find_threshold(plane: np.ndarray, sigma_px: float) -> GlobalThreshold:
    """Find the threshold of `find_foreground` without applying it; parameters as there."""
    return _threshold_of(plane, ndimage.gaussian_filter(plane, sigma_px, output=np.float32), sigma_px)


def find_foreground(
    plane: np.ndarray, sigma_px: float, block_px: float | None = None, threshold: GlobalThreshold | None = None
) -> Foreground:
    """Threshold a smoothed plane by Otsu (1979).

    Parameters
    ----------
    plane : ndarray of shape (Y, X), float32
        Bright where there are cells.
    sigma_px : float
        Width of the Gaussian smoothing, px.
    block_px : float, optional
        Also ask that a pixel be brighter than the mean of its neighbourhood of this side, px (local threshold).
    threshold : GlobalThreshold, optional
        Of the slide that `plane` is a part of, not an empty one; found in `plane` alone when left out.

    Returns
    -------
    Foreground
        Empty where the plane is constant, white noise or slowly varying illumination.
    """
    smooth = ndimage.gaussian_filter(plane, sigma_px, output=np.float32)
    level = threshold or _threshold_of(plane, smooth, sigma_px)
    if level.contrast == 0:
        return Foreground(np.full(plane.shape, -LOGIT_SPAN, np.float32), empty=True)
    limit: float | np.ndarray = level.threshold
    if block_px is not None:
        local = threshold_local(smooth, _odd(block_px), "mean")
        limit = np.maximum(local, level.threshold - level.contrast / 4)
    logit = (smooth - limit) * (2 * LOGIT_SPAN / level.contrast)
    return Foreground(logit.astype(np.float32), empty=level.empty)


def _threshold_of(plane: np.ndarray, smooth: np.ndarray, sigma_px: float) -> GlobalThreshold:
    if smooth.max() - smooth.min() < 1e-6:
        return GlobalThreshold(0.0, 0.0, empty=True)
    threshold = float(threshold_otsu(smooth))  # a plain number, because it is stored as JSON
    above = smooth > threshold
    contrast = float(smooth[above].mean() - smooth[~above].mean())
    return GlobalThreshold(
        threshold, contrast, is_noise(plane, sigma_px, contrast) or is_illumination_gradient(smooth, above, contrast)
    )


def is_noise(plane: np.ndarray, sigma_px: float, contrast: float) -> bool:
    """Return whether a contrast is no larger than that of smoothed white noise.

    Parameters
    ----------
    plane : ndarray of shape (Y, X), float
        Before smoothing.
    sigma_px : float
        Width of the Gaussian smoothing that `contrast` was measured after, px.
    contrast : float
        Difference of the means of the two classes of the smoothed plane.
    """
    # White noise of width s has width s / (2 sqrt(pi) sigma) after a Gaussian of width sigma.
    left = noise_width(plane) / max(2 * np.sqrt(np.pi) * sigma_px, 1.0)
    return contrast < LEAST_CONTRAST * left


def noise_width(plane: np.ndarray) -> float:
    """Estimate the standard deviation of white noise from second differences (Immerkaer 1996, by the median).

    Parameters
    ----------
    plane : ndarray of shape (Y, X), float
        Of one with many pixels every n-th row is looked at.
    """
    step = max(1, plane.size // _NOISE_PX) if min(plane.shape) > 2 else 1
    padded = np.pad(plane, 1, mode="symmetric") if step == 1 else plane
    above, here, below = (padded[row : row - 2 or None : step] for row in (0, 1, 2))
    bend = above - 2 * here + below
    response = np.abs(bend[:, :-2] - 2 * bend[:, 1:-1] + bend[:, 2:])
    return float(np.median(response)) / 0.6745 / 6


def is_illumination_gradient(smooth: np.ndarray, above: np.ndarray, contrast: float) -> bool:
    """Return whether a mask follows slowly varying illumination rather than edges of objects.

    Parameters
    ----------
    smooth : ndarray of shape (Y, X), float
    above : ndarray of shape (Y, X), bool
        Mask found in `smooth`.
    contrast : float
        Difference of the means within and without the mask.
    """
    inside = above & ~ndimage.binary_erosion(above, iterations=STEP_PX, border_value=1)
    outside = ~above & ndimage.binary_dilation(above, iterations=STEP_PX)
    if not inside.any() or not outside.any():
        return False
    return bool(smooth[inside].mean() - smooth[outside].mean() < LEAST_STEP * contrast)


def _odd(side_px: float) -> int:
    return 2 * max(round(side_px / 2), 1) + 1
