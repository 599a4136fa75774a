"""The direction in which the structures of an image run."""

from __future__ import annotations

import numpy as np
from skimage.feature import canny
from skimage.transform import hough_line

_SIGMA_PX = 2.0
_STEP_DEG = 0.5


def dominant_angle(pixels: np.ndarray) -> float:
    """Find the dominant direction of an image by Canny edges and a straight-line Hough transform.

    Parameters
    ----------
    pixels : ndarray of shape (C, Y, X) or (Y, X)
        Any dtype; channels are scaled to their own range and averaged.

    Returns
    -------
    float
        Degrees in (-90, 90], anticlockwise from the horizontal as seen on the screen; turning the picture clockwise by
        it (``scipy.ndimage.rotate(crop, -angle)``) makes the structures horizontal. 0 when the image has no edges.
    """
    plane = _gray(pixels)
    if min(plane.shape) < 3:
        return 0.0
    edges = canny(plane, sigma=_SIGMA_PX)
    if not edges.any():
        return 0.0
    normals = np.deg2rad(np.arange(-90, 90, _STEP_DEG))
    votes, _, _ = hough_line(edges, theta=normals)
    # Squared votes: a few long lines count, not the many short ones that every edge pixel casts in all directions.
    strength = (votes.astype(np.float64) ** 2).sum(axis=0)
    normal = float(np.rad2deg(normals[int(strength.argmax())]))
    # The Hough angle is that of the line's normal, with rows growing downwards.
    angle = 90.0 - normal
    return angle - 180.0 if angle > 90 else angle


def _gray(pixels: np.ndarray) -> np.ndarray:
    stack = np.nan_to_num(pixels.astype(np.float64)).reshape(-1, *pixels.shape[-2:])
    low, high = stack.min(axis=(1, 2), keepdims=True), stack.max(axis=(1, 2), keepdims=True)
    return ((stack - low) / np.where(high > low, high - low, 1.0)).mean(axis=0)
