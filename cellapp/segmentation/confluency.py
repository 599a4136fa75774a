"""Confluency: the share of an image that cells cover, and a mask of covered area for images of any contrast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.feature import canny
from skimage.filters import threshold_otsu
from skimage.morphology import isotropic_closing, isotropic_dilation, isotropic_opening

from cellapp.segmentation.foreground import is_illumination_gradient, is_noise
from cellapp.types.cells import LabelMask

MAX_ROUNDS = 5
EDGE_SIGMA_PX = 2.0
SMOOTHING_PX = 1.5
BRIDGE_PX = 3
HALO_PX = 6  # blur reaches this far beyond an outline
LEAST_GAIN = 0.002
_PERCENTILES = (0.5, 99.5)


def confluency(mask: LabelMask | np.ndarray) -> float:
    """Return the share of the image that cells cover, 0 to 1.

    Parameters
    ----------
    mask : LabelMask or ndarray of shape (Y, X)
        Labels, or a bool mask; everything but 0 is covered.
    """
    covered = mask.labels if isinstance(mask, LabelMask) else mask
    return float(np.count_nonzero(covered) / covered.size) if covered.size else 0.0


def stretched(image: np.ndarray) -> np.ndarray:
    """Return an image as float32 from 0 to 1, whatever its exposure."""
    plane = np.asarray(image, np.float32)
    low, high = np.percentile(plane, _PERCENTILES)
    return np.clip((plane - low) / (high - low), 0, 1) if high > low else np.zeros_like(plane)


@dataclass(frozen=True)
class ThresholdRound:
    """One round of `iterative_mask`: pixels farther than `threshold` from `background` are covered."""

    background: float
    threshold: float


def find_threshold_rounds(plane: np.ndarray) -> tuple[ThresholdRound, ...]:
    """Find the thresholds of `iterative_mask` in a sample of a slide, (Y, X); none where there is only noise."""
    plane, smooth = _prepared(plane)
    return _search(plane, smooth)[1]


def iterative_mask(plane: np.ndarray, rounds: Sequence[ThresholdRound] | None = None) -> np.ndarray:
    """Find covered area in a plane of any contrast by iterative Otsu and Canny, in the manner of CLANet.

    What differs from the background, darker or brighter, is thresholded by Otsu again and again among the pixels not
    yet covered, until a round finds nothing but noise or next to nothing new. Canny edges (1986) then close outlines
    that are open, and what they enclose is filled.

    Parameters
    ----------
    plane : ndarray of shape (Y, X), float
        Fluorescence, bright field or phase contrast.
    rounds : sequence of ThresholdRound, optional
        Of the slide that `plane` is a part of; found in `plane` alone when left out.

    Returns
    -------
    ndarray of shape (Y, X), bool
        All False where the plane is constant or only noise.
    """
    plane, smooth = _prepared(plane)
    if rounds is None:
        covered, _ = _search(plane, smooth)
    else:
        covered = np.zeros(plane.shape, bool)
        for one in rounds:
            covered |= _newly_covered(one, smooth, covered)
    return _close_outlines(plane, covered) if covered.any() else covered


def _prepared(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    plane = np.asarray(plane, dtype=np.float32)
    return plane, ndimage.gaussian_filter(plane, SMOOTHING_PX)


def _search(plane: np.ndarray, smooth: np.ndarray) -> tuple[np.ndarray, tuple[ThresholdRound, ...]]:
    covered, rounds = np.zeros(plane.shape, bool), []
    for _ in range(MAX_ROUNDS):
        one = _next_round(plane, smooth, covered)
        if one is None:
            break
        added = _newly_covered(one, smooth, covered)
        covered |= added
        rounds.append(one)
        if added.mean() < LEAST_GAIN:
            break
    return covered, tuple(rounds)


def _next_round(plane: np.ndarray, smooth: np.ndarray, covered: np.ndarray) -> ThresholdRound | None:
    """Threshold what lies outside `covered` by Otsu, on the difference from the background."""
    away = ~isotropic_dilation(covered, HALO_PX)
    rest = smooth[away]
    if rest.size == 0:
        return None
    background = _background(rest)
    difference = np.abs(smooth - background)
    values = difference[away]
    if values.max() - values.min() < 1e-6:
        return None
    one = ThresholdRound(background, float(threshold_otsu(values)))
    above = (difference > one.threshold) & ~covered
    if not (above & away).any():
        return None
    contrast = float(difference[above & away].mean())
    empty = is_noise(plane, SMOOTHING_PX, contrast) or is_illumination_gradient(difference, above | covered, contrast)
    return None if empty else one


def _newly_covered(one: ThresholdRound, smooth: np.ndarray, covered: np.ndarray) -> np.ndarray:
    # The blurred rims of what is covered already pass any lower threshold; they are thin, cells are not.
    return _opened((np.abs(smooth - one.background) > one.threshold) & ~covered)


def _background(values: np.ndarray) -> float:
    """Return the most frequent value, which is the background's."""
    counts, edges = np.histogram(values, 128)
    at = int(np.convolve(counts, np.ones(5), mode="same").argmax())
    return float(edges[at] + edges[at + 1]) / 2


def _close_outlines(plane: np.ndarray, covered: np.ndarray) -> np.ndarray:
    near = isotropic_closing(covered, BRIDGE_PX)
    edges = canny(plane, sigma=EDGE_SIGMA_PX) & near
    filled = ndimage.binary_fill_holes(covered | edges)
    return _opened(filled)


def _opened(mask: np.ndarray) -> np.ndarray:
    return isotropic_opening(mask, BRIDGE_PX) if min(mask.shape) > 2 * BRIDGE_PX else mask
