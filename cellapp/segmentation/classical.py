"""Segmentation without a network: threshold, distance watershed, nuclei as seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.morphology import isotropic_opening

from cellapp.segmentation.confluency import find_threshold_rounds, iterative_mask
from cellapp.segmentation.diameter import resolve_size
from cellapp.segmentation.foreground import (
    LOCAL_BLOCK,
    LOGIT_SPAN,
    SMOOTHING,
    Foreground,
    GlobalThreshold,
    find_foreground,
    find_threshold,
)
from cellapp.segmentation.input_planes import InputPlanes, Polarity, select_planes
from cellapp.segmentation.label_image import drop_small, relabel
from cellapp.segmentation.long_cells import divide_long
from cellapp.segmentation.slide_fit import SlideFit, Thresholds
from cellapp.segmentation.watershed import grow_cells, split_touching
from cellapp.settings import SegmentSettings
from cellapp.types.image import Role

NUCLEUS_SHARE = 0.5  # diameter of a nucleus in cell diameters
OPENING = 0.05  # radius of what is too thin to be part of a cell, in cell diameters


@dataclass(frozen=True, eq=False)
class ClassicalFlows:
    """Foreground of cells and nuclei; applying thresholds and seeds to it is cheap."""

    body: Foreground
    nucleus: Foreground | None
    diameter_px: float
    width_px: float | None = None  # where cells are much longer than wide


class Classical:
    """Otsu, local or iterative threshold, then watershed; needs no weights and no torch."""

    name = "classical@1"
    fast = True

    def fit(
        self, sample: np.ndarray, roles: Sequence[Role], settings: SegmentSettings, polarity: Polarity
    ) -> Thresholds:
        """Find the thresholds of a slide, so that a tile with few or no cells is segmented as the others are.

        Parameters
        ----------
        sample : ndarray of shape (C, Y, X), float32
            Windows of the slide side by side.
        roles : sequence of Role
        settings : SegmentSettings
            With the diameter in px.
        polarity : Polarity
            Of the slide.
        """
        diameter_px = resolve_size(settings, None, sample, roles).diameter_px
        planes = select_planes(sample, roles, polarity)
        nucleus = None
        if planes.nucleus is not None:
            nucleus = _unless_empty(find_threshold(planes.nucleus, _sigma_px(NUCLEUS_SHARE * diameter_px)))
        if settings.method == "iterative":
            return Thresholds(nucleus=nucleus, rounds=find_threshold_rounds(planes.outline) or None)
        return Thresholds(_unless_empty(find_threshold(planes.outline, _sigma_px(diameter_px))), nucleus)

    def flows(
        self,
        pixels: np.ndarray,
        roles: Sequence[Role],
        settings: SegmentSettings,
        fit: SlideFit | None = None,
    ) -> ClassicalFlows:
        """Compute the foreground of cells and nuclei as logits.

        Parameters
        ----------
        pixels : ndarray of shape (C, Y, X), float32
            Processed, 0 to 1.
        roles : sequence of Role
        settings : SegmentSettings
            `diameter` in px, or None to estimate it.
        fit : SlideFit, optional
            Of the slide that `pixels` are a tile of.

        Returns
        -------
        ClassicalFlows

        Raises
        ------
        InputError
            When roles and channels differ in number, or the diameter is in um.
        """
        size = resolve_size(settings, None, pixels, roles)
        diameter_px, width_px = size.diameter_px, fit.width_px if fit else size.width_px
        thresholds = (fit and fit.thresholds) or Thresholds()
        planes = select_planes(pixels, roles, fit.polarity if fit else None)
        nucleus = find_nuclei(planes, diameter_px, thresholds.nucleus)
        # What is as thin as a long cell must not be smoothed away as noise.
        body = _body(planes.outline, settings, width_px or diameter_px, thresholds)
        return ClassicalFlows(body, nucleus, diameter_px, width_px)

    def masks(self, flows: ClassicalFlows, settings: SegmentSettings) -> np.ndarray:
        """Threshold the foreground and divide it into cells; long ones as `divide_long` does it.

        Parameters
        ----------
        flows : ClassicalFlows
        settings : SegmentSettings
            `cellprob_threshold` raises the limit of the foreground, `min_size_px` drops small cells.

        Returns
        -------
        ndarray of shape (Y, X), int32
            Ids 1..n; all 0 where the image shows nothing but noise.
        """
        mask = _tidy(flows.body.mask(settings.cellprob_threshold), OPENING * (flows.width_px or flows.diameter_px))
        labels = divide_cells(flows, mask)
        return relabel(drop_small(labels, settings.min_size_px))


def find_nuclei(planes: InputPlanes, diameter_px: float, threshold: GlobalThreshold | None = None) -> Foreground | None:
    """Return the foreground of nuclei of cells of a diameter; None where no plane shows them."""
    if planes.nucleus is None:
        return None
    return find_foreground(planes.nucleus, _sigma_px(NUCLEUS_SHARE * diameter_px), threshold=threshold)


def divide_cells(flows: ClassicalFlows, mask: np.ndarray) -> np.ndarray:
    """Divide a mask, (Y, X) bool, into cells, (Y, X) int32: long ones, round ones, or ones that grow from nuclei."""
    if flows.width_px:
        return divide_long(mask, flows.width_px)
    if flows.nucleus is None or flows.nucleus.empty:
        return split_touching(mask, flows.diameter_px)
    size = NUCLEUS_SHARE * flows.diameter_px
    centres = _tidy(flows.nucleus.mask(), OPENING * flows.diameter_px)
    return grow_cells(split_touching(centres, size), mask, flows.body.logit, flows.diameter_px)


def _body(plane: np.ndarray, settings: SegmentSettings, diameter_px: float, thresholds: Thresholds) -> Foreground:
    if settings.method == "iterative":
        covered = iterative_mask(plane, thresholds.rounds)
        return Foreground(np.where(covered, LOGIT_SPAN, -LOGIT_SPAN).astype(np.float32), empty=not covered.any())
    block_px = LOCAL_BLOCK * diameter_px if settings.method == "local" else None
    return find_foreground(plane, _sigma_px(diameter_px), block_px, thresholds.body)


def _unless_empty(threshold: GlobalThreshold) -> GlobalThreshold | None:
    return None if threshold.empty else threshold


def _sigma_px(diameter_px: float) -> float:
    return max(SMOOTHING * diameter_px, 1.0)


def _tidy(mask: np.ndarray, radius_px: float) -> np.ndarray:
    """Remove hairs and fill holes."""
    return ndimage.binary_fill_holes(isotropic_opening(mask, radius_px)) if mask.any() else mask
