"""The size of cells by the bundled network: predicted, measured, compared with others where it leads to nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from cellapp.images.sampling import spread_windows
from cellapp.segmentation.cellpose import CellposeFlows
from cellapp.segmentation.diameter import FALLBACK_PX, SIGMA_PX, CellSize, estimate_size
from cellapp.segmentation.flow_unet import REFERENCE_PX, FlowNetwork
from cellapp.segmentation.foreground import find_foreground
from cellapp.segmentation.input_planes import select_planes
from cellapp.segmentation.label_image import resize_labels
from cellapp.settings import SegmentSettings
from cellapp.types.image import Region, Role

COARSE_PX, MEASURE_PX = 256, 512  # sides of the windows for the first estimate and the measurement, after rescaling
N_WINDOWS = 2  # each way, spread over images that are larger
START_SCALES = (1.0, 1 / 3, 3.0)  # tried until cells are found
N_REFINEMENTS = 3  # of the scale, at most
NEAR_OCTAVES = 0.15  # a scale this close to the reference is right
MIN_CELLS = 3  # whose median diameter is preferred to the size the network predicts
MIN_SHARE = 0.002  # of the pixels must be cell for a size to be taken from them
UNCHECKED = SegmentSettings(flow_threshold=0)  # a median diameter needs no check of each mask
CHECKED = SegmentSettings()
LIMITS_PX = (4.0, 400.0)
SOUND = 0.6  # of what Otsu's threshold finds is in masks whose flows agree with their shape: the size is right
OTHER_SIZES = (0.7, 1.0, 1.5)  # compared, in diameters of the classical estimate
CLEAR = 0.75  # overlap of the network's foreground with Otsu's where the latter shows what the cells are
LEAST_GAIN = 0.15  # of soundness for another size to be preferred
SOME_SOUND = 0.05  # of the foreground: cells, not chance
FARTHEST = 4.0  # times the first size, where that finds cells: the network was trained at sizes up to two octaves off


@dataclass(frozen=True)
class Trial:
    """How well a diameter does."""

    diameter_px: float
    sound: float  # share of the foreground and of all masks that is in masks whose flows agree with their shape
    seen: float  # overlap of the network's foreground with Otsu's, intersection over union


class SizeFinder:
    """Finds the size of the cells of one image.

    The network predicts a size, the image is rescaled to it, the network predicts again, and the masks there are
    measured: it underestimates how far a size is from 30 px; masks made near 30 px do not. Cellpose's size model was
    followed by a measurement for the same reason (Stringer et al. 2021).

    The network sees rims of cells where the size is far too small and pieces where cells are long. Masks whose flows
    disagree with their shape then leave most of Otsu's foreground bare, and sizes near that of the classical estimate
    are compared with the first. Where the network's foreground is like Otsu's at none of them, as in phase contrast,
    Otsu's is no guide and the first size stays. Where the first size finds some sound cells, sizes beyond `FARTHEST`
    are not compared: one bright outline around many cells, as of an embryo, would be taken for one sound cell.
    """

    def __init__(
        self,
        network: FlowNetwork,
        masks: Callable[[CellposeFlows, SegmentSettings], np.ndarray],
        pixels: np.ndarray,
        roles: Sequence[Role],
    ) -> None:
        """Prepare the planes.

        Parameters
        ----------
        network : FlowNetwork
        masks : callable
            Turns flows and settings into labels, (Y, X) int32.
        pixels : ndarray of shape (C, Y, X), float32
            Processed, 0 to 1.
        roles : sequence of Role
        """
        self._network, self._masks, self._pixels, self._roles = network, masks, pixels, roles
        planes = select_planes(pixels, roles)
        self._foreground = find_foreground(planes.body, SIGMA_PX)
        nucleus = np.zeros_like(planes.body) if planes.nucleus is None else planes.nucleus
        self._image = torch.from_numpy(np.stack([planes.body, nucleus])).to(network.device)

    def find(self) -> CellSize:
        """Return the size; `FALLBACK_PX` where no cells are found at any of the scales tried."""
        if self._foreground.empty:
            return CellSize(FALLBACK_PX)
        for start in START_SCALES:
            octaves = self._size_octaves(start)
            if octaves is not None:
                return self._checked(*self._refine(start, octaves))
        return self._best_of([Trial(FALLBACK_PX, 0.0, 0.0)])

    def _refine(self, scale: float, octaves: float) -> tuple[float, float]:
        """Return diameter and the scale at which it was measured."""
        for _ in range(N_REFINEMENTS):
            scale = REFERENCE_PX / _within_limits(REFERENCE_PX / scale * 2**octaves)
            octaves = self._size_octaves(scale) or 0.0
            if abs(octaves) < NEAR_OCTAVES:
                break
        return REFERENCE_PX * 2**octaves, scale

    def _checked(self, predicted_px: float, scale: float) -> CellSize:
        """Measure at a scale; compare with other sizes where that leads to nothing."""
        areas: list[int] = []
        trial = self._try(scale, MEASURE_PX, areas)
        measured_px = 2 * math.sqrt(float(np.median(areas)) / math.pi) if len(areas) >= MIN_CELLS else None
        diameter_px = _within_limits((measured_px or predicted_px) / scale)
        trial = Trial(diameter_px, trial.sound, trial.seen)
        return CellSize(diameter_px) if trial.sound >= SOUND else self._best_of([trial])

    def _best_of(self, trials: list[Trial]) -> CellSize:
        """Compare sizes near the classical estimate with the first; the others must be much better."""
        first, classical = trials[0], estimate_size(self._pixels, self._roles)
        farthest_px = FARTHEST * first.diameter_px if first.sound >= SOME_SOUND else math.inf
        others = [_within_limits(factor * classical.diameter_px) for factor in OTHER_SIZES]
        near = [diameter_px for diameter_px in others if diameter_px <= farthest_px]
        if not near:
            return CellSize(first.diameter_px)
        for diameter_px in near:
            trials.append(self._try(REFERENCE_PX / diameter_px, COARSE_PX, []))
        tried = tuple(round(trial.diameter_px, 1) for trial in trials)
        clear = [trial for trial in trials if trial.seen >= CLEAR]
        if not clear:
            return CellSize(first.diameter_px, None, tried)
        best = max(clear, key=lambda trial: trial.sound)
        if classical.width_px:
            best = best if best.sound >= SOUND else max(clear, key=lambda trial: trial.seen)
            return CellSize(best.diameter_px, classical.width_px, tried)
        return CellSize((best if best.sound >= first.sound + LEAST_GAIN else first).diameter_px, None, tried)

    def _try(self, scale: float, side_px: int, areas: list[int]) -> Trial:
        """Segment windows at a scale; areas of masks before the check, px of that scale, are added to a list."""
        n_sound = n_all = n_shared = n_seen = 0
        for window, maps in self._predict_windows(scale, side_px):
            flows = CellposeFlows(maps[:2].cpu().numpy(), maps[2].cpu().numpy(), REFERENCE_PX)
            labels = self._masks(flows, UNCHECKED)
            areas.extend(np.bincount(labels.ravel())[1:])
            bright = resize_labels(self._foreground.mask()[window.slices].astype(np.int32), labels.shape) > 0
            sound, seen = self._masks(flows, CHECKED) > 0, flows.probability > 0
            n_sound, n_all = n_sound + (sound & bright).sum(), n_all + bright.sum()
            n_shared, n_seen = n_shared + (seen & bright).sum(), n_seen + (seen | bright).sum()
        return Trial(REFERENCE_PX / scale, float(n_sound / max(n_all, 1)), float(n_shared / max(n_seen, 1)))

    def _size_octaves(self, scale: float) -> float | None:
        """Median of the sizes predicted at a scale, octaves above 30 px; None where there are no cells."""
        windows = [maps for _, maps in self._predict_windows(scale, COARSE_PX)]
        octaves = torch.cat([maps[3][maps[2] > 0] for maps in windows])
        enough = len(octaves) > MIN_SHARE * sum(maps[2].numel() for maps in windows)
        return float(octaves.median()) if enough else None

    @torch.inference_mode()
    def _predict_windows(self, scale: float, side_px: int) -> Iterator[tuple[Region, torch.Tensor]]:
        """Predict the maps of each window, (4, Y, X) float32."""
        for window in spread_windows(self._image.shape[1:], math.ceil(side_px / scale), N_WINDOWS):
            part = self._image[:, *window.slices]
            size = [max(1, round(length * scale)) for length in part.shape[1:]]
            rescaled = F.interpolate(part[None], size=size, mode="bilinear")
            yield window, self._network.predict(rescaled.to(self._network.dtype))[0].float()


def _within_limits(diameter_px: float) -> float:
    return float(np.clip(diameter_px, *LIMITS_PX))
