"""Tiles without any object, which need no segmenter; in doubt a tile is not empty."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from cellapp.segmentation.foreground import noise_width

BLOCK = 0.125  # side of the blocks that are averaged, in cell diameters
NEAR = 4  # blocks: half a diameter, which lies whole inside a cell wherever the grid falls
FAR = 6 * NEAR  # blocks: three diameters, over which illumination may vary
FAINTEST = 0.01  # of the slide's range; no segmenter finds cells fainter than this
LEAST_CONTRAST = 5.0  # standard deviations of what noise alone leaves in such averages


def is_empty(pixels: np.ndarray, diameter_px: float, spans: Sequence[float]) -> bool:
    """Return whether no area of the size of half a cell differs from its surroundings.

    Averages over half a diameter are compared with averages over three. A tile is empty where they differ by less than
    five standard deviations of the noise of such averages, or by less than a hundredth of the range of the slide.

    Parameters
    ----------
    pixels : ndarray of shape (C, Y, X), float32
        Processed.
    diameter_px : float
        Of a typical cell; objects down to half of it keep their full contrast.
    spans : sequence of float
        Range of each channel on the slide.
    """
    return not any(_has_object(plane, diameter_px, span) for plane, span in zip(pixels, spans, strict=True))


def _has_object(plane: np.ndarray, diameter_px: float, span: float) -> bool:
    step = max(int(BLOCK * diameter_px), 1)
    height, width = (length // step * step for length in plane.shape)
    if min(height, width) < step * NEAR:
        return True
    blocks = plane[:height, :width].reshape(height // step, step, width // step, step).mean(axis=(1, 3))
    near = ndimage.uniform_filter(blocks, NEAR, mode="nearest")
    rise = float(np.abs(near - ndimage.uniform_filter(blocks, FAR, mode="nearest")).max())
    if rise <= FAINTEST * span:
        return False
    return rise > LEAST_CONTRAST * noise_width(plane) / (step * NEAR)
