"""The size of cells by the bundled network: predicted, measured, compared with others where it leads to nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from cellapp.segmentation.cellpose import CellposeFlows
from cellapp.segmentation.diameter import FALLBACK_PX, SIGMA_PX, CellSize, estimate_size
from cellapp.segmentation.flow_unet import REFERENCE_PX, FlowNetwork
from cellapp.segmentation.foreground import GlobalThreshold, find_threshold
from cellapp.segmentation.size_trials import MIN_CELLS, SizeTrials, Trial
from cellapp.settings import SegmentSettings
from cellapp.types.image import Role

COARSE_PX, MEASURE_PX = 256, 512  # sides of the windows for estimates and for the measurement, after rescaling
START_SCALES = (1.0, 1 / 3, 3.0)  # tried until cells are found
N_REFINEMENTS = 3  # of the scale, at most
NEAR_OCTAVES = 0.15  # a scale this close to the reference is right
LIMITS_PX = (4.0, 400.0)
SOUND = 0.6  # of what Otsu's threshold finds is in masks whose flows agree with their shape: the size is right
OTHER_SIZES = (0.7, 1.0, 1.5)  # compared, in diameters of the classical estimate
CLEAR = 0.75  # overlap of the network's foreground with Otsu's where the latter shows what the cells are
LEAST_GAIN = 0.15  # of soundness for another size to be preferred
AS_SOUND = 0.05  # a size that is this little less sound is preferred where it is nearer to the classical estimate
SURE = 0.9  # soundness from which on it is not asked whether cells are long
SOME_SOUND, SOME_CELLS = 0.05, 20  # of the foreground, or sound masks: cells, not chance
FIRM = 0.65  # mean length of the flow from which on the network is not in doubt
STEPS_PX = (15.0, 30.0, 60.0, 120.0)  # compared where it is
MUCH_FIRMER = 1.5  # times as much of the image in masks, weighed by the flow, for another size to be preferred
POPULATIONS = 2.0  # ratio of two sizes from which on an image may have cells of both
FARTHEST = 4.0  # times the first size, where that finds cells: the network was trained at sizes up to two octaves off


class SizeFinder:
    """Finds the size of the cells of one image.

    The network predicts a size, the image is rescaled to it, the network predicts again, and the masks there are
    measured: it underestimates how far a size is from 30 px; masks made near 30 px do not. Cellpose's size model was
    followed by a measurement for the same reason (Stringer et al. 2021).

    The network sees rims of cells where the size is far too small and pieces where cells are long. Masks whose flows
    disagree with their shape then leave most of Otsu's foreground bare, and sizes near that of the classical estimate
    are compared with the first. Where none of them is enough, but two together are, there are two populations. Where
    the network's foreground is like Otsu's at none of them, as in phase contrast, Otsu's is no guide, and the first
    size stays unless the network is in doubt at it, see `_firmest`. Where the first size finds some sound cells, sizes
    beyond `FARTHEST` are not compared: one bright outline around many cells, as of an embryo, would be taken for one
    sound cell.
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
        self._trials, self._pixels, self._roles = SizeTrials(network, masks, pixels, roles), pixels, roles

    def find(self) -> CellSize:
        """Return the size; `FALLBACK_PX` where no cells are found at any of the scales tried."""
        if self._trials.foreground.empty:
            return CellSize(FALLBACK_PX)
        for start in START_SCALES:
            octaves = self._trials.octaves(start, COARSE_PX)
            if octaves is not None:
                return self._checked(*self._refine(start, octaves))
        return self._best_of([Trial(FALLBACK_PX, 0.0, 0.0)])

    def _refine(self, scale: float, octaves: float) -> tuple[float, float]:
        """Return diameter and the scale at which it was measured."""
        for _ in range(N_REFINEMENTS):
            scale = REFERENCE_PX / _within_limits(REFERENCE_PX / scale * 2**octaves)
            octaves = self._trials.octaves(scale, COARSE_PX) or 0.0
            if abs(octaves) < NEAR_OCTAVES:
                break
        return REFERENCE_PX * 2**octaves, scale

    def _checked(self, predicted_px: float, scale: float) -> CellSize:
        """Measure at a scale; compare with other sizes where that leads to nothing."""
        trial = self._trials.at(scale, MEASURE_PX)
        diameter_px = _within_limits(trial.measured_px or predicted_px / scale)
        trial = replace(trial, diameter_px=diameter_px)
        if trial.sound < SOUND:
            return self._best_of([trial])
        return self._perhaps_long(diameter_px, trial)

    def _best_of(self, trials: list[Trial]) -> CellSize:
        """Compare sizes near the classical estimate with the first; the others must be much better."""
        first, classical = trials[0], estimate_size(self._pixels, self._roles)
        found_some = first.sound >= SOME_SOUND or first.n_cells >= SOME_CELLS
        farthest_px = FARTHEST * first.diameter_px if found_some else math.inf
        others = [_within_limits(factor * classical.diameter_px) for factor in OTHER_SIZES]
        near = [diameter_px for diameter_px in others if diameter_px <= farthest_px]
        for diameter_px in near:
            trials.append(self._trials.at(REFERENCE_PX / diameter_px, COARSE_PX))
        tried = _tried(trials)
        if larger_px := None if classical.width_px else self._larger(first, trials[1:], classical.diameter_px):
            return CellSize(first.diameter_px, None, tried, larger_px)
        clear = [trial for trial in trials if trial.seen >= CLEAR]
        if not clear:
            return self._firmest(trials)
        if not near:
            return CellSize(first.diameter_px, None, tried)
        best = max(clear, key=lambda trial: trial.sound)
        if classical.width_px:
            best = best if best.sound >= SOUND else max(clear, key=lambda trial: trial.seen)
            return CellSize(best.diameter_px, classical.width_px, tried, level=self._level())
        nearly = [trial for trial in clear if trial.sound >= best.sound - AS_SOUND]
        best = min(nearly, key=lambda trial: abs(math.log(trial.diameter_px / classical.diameter_px)))
        best = best if best.sound >= first.sound + LEAST_GAIN else first
        return CellSize(best.diameter_px, None, tried)

    def _perhaps_long(self, diameter_px: float, trial: Trial) -> CellSize:
        """Return a size, with the width where some masks are not sound because cells are long."""
        doubt = trial.sound < SURE and trial.seen >= CLEAR
        width_px = estimate_size(self._pixels, self._roles).width_px if doubt else None
        return CellSize(diameter_px, width_px, level=self._level() if width_px else None)

    def _level(self) -> GlobalThreshold:
        return find_threshold(self._trials.body, SIGMA_PX)

    def _firmest(self, trials: list[Trial]) -> CellSize:
        """Return the first size, unless the network is in doubt there and much firmer where it finds what it looks for.

        Dots are what it sees of large cells without contrast: their flows are short and they cover next to nothing.
        """
        first = trials[0]
        if first.flow >= FIRM:
            return CellSize(first.diameter_px, None, _tried(trials))
        trials = trials + [self._trials.at(REFERENCE_PX / diameter_px, COARSE_PX) for diameter_px in STEPS_PX]
        firm = [trial for trial in trials[1:] if trial.agrees]
        best = max(firm, key=lambda trial: trial.covered * trial.flow, default=first)
        better = best.covered * best.flow >= MUCH_FIRMER * first.covered * first.flow
        return CellSize((best if better else first).diameter_px, None, _tried(trials))

    def _larger(self, first: Trial, others: list[Trial], classical_px: float) -> float | None:
        """Return the size of a second population, where masks of two sizes are sound of different cells."""
        if classical_px < POPULATIONS * first.diameter_px or first.n_cells < MIN_CELLS or first.sound < SOME_SOUND:
            return None
        there = [trial for trial in others if trial.diameter_px >= POPULATIONS * first.diameter_px]
        larger = max(there or [self._trials.at(REFERENCE_PX / classical_px, COARSE_PX)], key=lambda trial: trial.sound)
        gain = min(first.sound, larger.sound)
        joined = first.sound + larger.sound
        return larger.diameter_px if larger.n_cells >= MIN_CELLS and joined >= SOUND and gain >= LEAST_GAIN else None


def _tried(trials: Sequence[Trial]) -> tuple[float, ...]:
    """Return the sizes that were compared; none where there was but one."""
    return tuple(round(trial.diameter_px, 1) for trial in trials) if len(trials) > 1 else ()


def _within_limits(diameter_px: float) -> float:
    return float(np.clip(diameter_px, *LIMITS_PX))
