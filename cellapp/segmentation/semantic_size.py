"""The size of cells by a network of the foreground: predicted, measured, and compared with the classical estimate."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from cellapp.segmentation.diameter import FALLBACK_PX, CellSize, estimate_size
from cellapp.segmentation.flow_unet import REFERENCE_PX, FlowNetwork
from cellapp.segmentation.label_image import resize_labels
from cellapp.segmentation.network_size import (
    CLEAR,
    COARSE_PX,
    LEAST_GAIN,
    LIMITS_PX,
    MEASURE_PX,
    N_REFINEMENTS,
    NEAR_OCTAVES,
    START_SCALES,
)
from cellapp.segmentation.size_trials import MIN_CELLS, SizeTrials, Trial
from cellapp.segmentation.watershed import split_touching
from cellapp.types.image import Role


def find_size(network: FlowNetwork, pixels: np.ndarray, roles: Sequence[Role]) -> CellSize:
    """Find the size of the cells of one image.

    The network predicts a size, the image is rescaled to it, and the pieces of the foreground there are measured. It
    sees rims of cells where the size is far too small: the classical estimate is taken where the network's foreground
    is like Otsu's at that size, and much less so at the first.

    Parameters
    ----------
    network : FlowNetwork
    pixels : ndarray of shape (C, Y, X), float32
        Processed, 0 to 1.
    roles : sequence of Role

    Returns
    -------
    CellSize
        `FALLBACK_PX` for a plane without structure; with the width where the classical pass finds cells long.
    """
    trials = _ForegroundTrials(network, pixels, roles)
    if trials.foreground.empty:
        return CellSize(FALLBACK_PX)
    classical = estimate_size(pixels, roles)
    found = next((px for scale in START_SCALES if (px := _predicted(trials, scale)) is not None), None)
    if found is None:
        return CellSize(classical.diameter_px, classical.width_px)
    scale = REFERENCE_PX / found
    first = trials.at(scale, MEASURE_PX)
    diameter_px = _within_limits(first.measured_px or found)
    second = trials.at(REFERENCE_PX / classical.diameter_px, COARSE_PX)
    if second.seen >= CLEAR and second.seen >= first.seen + LEAST_GAIN:
        tried = (round(diameter_px, 1), round(classical.diameter_px, 1))
        return CellSize(classical.diameter_px, classical.width_px, tried)
    return CellSize(diameter_px, classical.width_px)


class _ForegroundTrials(SizeTrials):
    """What the network finds in windows of an image at any size, without flows to check it by."""

    def __init__(self, network: FlowNetwork, pixels: np.ndarray, roles: Sequence[Role]) -> None:
        super().__init__(
            network, lambda flows, settings: split_touching(flows.probability > 0, REFERENCE_PX), pixels, roles
        )

    def at(self, scale: float, side_px: int) -> Trial:
        """Measure the pieces of the foreground at a scale, and compare it with Otsu's."""
        areas, both, either = [], 0, 0
        for window, maps in self._predict_windows(scale, side_px):
            mask = maps[2].cpu().numpy() > 0
            areas.extend(np.bincount(split_touching(mask, REFERENCE_PX).ravel())[1:])
            bright = resize_labels(self.foreground.mask()[window.slices].astype(np.int32), mask.shape) > 0
            both, either = both + np.count_nonzero(mask & bright), either + np.count_nonzero(mask | bright)
        seen = both / max(either, 1)
        measured_px = 2 * math.sqrt(float(np.median(areas)) / math.pi) / scale if len(areas) >= MIN_CELLS else None
        return Trial(REFERENCE_PX / scale, seen, seen, measured_px=measured_px, n_cells=len(areas))


def _predicted(trials: SizeTrials, scale: float) -> float | None:
    """Return the diameter predicted from a scale on, px, see `SizeFinder`; None where no cells are found at it."""
    octaves = trials.octaves(scale, COARSE_PX)
    if octaves is None:
        return None
    for _ in range(N_REFINEMENTS):
        scale = REFERENCE_PX / _within_limits(REFERENCE_PX / scale * 2**octaves)
        octaves = trials.octaves(scale, COARSE_PX) or 0.0
        if abs(octaves) < NEAR_OCTAVES:
            break
    return _within_limits(REFERENCE_PX / scale * 2**octaves)


def _within_limits(diameter_px: float) -> float:
    return float(np.clip(diameter_px, *LIMITS_PX))
