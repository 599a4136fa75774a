"""What a second look at some cells of an image tells of its outlines: they are shown turned round and smaller."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

import numpy as np
from skimage.transform import resize

from cellapp.images.sampling import spread_windows
from cellapp.segmentation.cellpose import flow_length
from cellapp.segmentation.diameter import FALLBACK_PX
from cellapp.segmentation.label_image import resize_labels
from cellapp.segmentation.metrics import overlaps
from cellapp.segmentation.slide_fit import SlideFit
from cellapp.segmentation.tiling.candidates import inner_edge_labels
from cellapp.settings import SegmentSettings
from cellapp.types.image import Region, Role
from cellapp.types.protocols import Segmenter

SMALLER = 0.8  # of the size at which the first look showed cells
SIDE_PX = 240  # of a window, at the size of the second look: with its margins it is what the network reads at once
N_WINDOWS = 4
UNCERTAIN = 1.0  # logits nearer to the threshold are neither clearly cell nor background


@dataclass(frozen=True)
class Evidence:
    """How far a second look bears the outlines of an image out."""

    overlap: float  # mean over cells of the intersection over union with the most alike of the other look
    again: float  # share of cells found again with an intersection over union of half or more
    closely: float  # the same at three quarters
    kept: float  # share of the network's foreground in masks whose flows agree with their shape
    flow: float  # mean length of the flow in the foreground, 1 where the network has no doubt
    uncertain: float  # pixels that are neither clearly cell nor background, per pixel of the foreground


@dataclass(frozen=True, eq=False)
class SecondLook:
    """What one window shows the second time; `evidence_of` joins several."""

    overlaps: np.ndarray  # (N,) float: of each whole cell of either look, with the most alike of the other
    pixels: np.ndarray  # (4,) float: of the foreground, those in masks, the length of their flow, and those in between


def look_again(
    read: Callable[[Region], np.ndarray],
    labels: np.ndarray,
    roles: Sequence[Role],
    segmenter: Segmenter,
    settings: SegmentSettings,
    fit: SlideFit,
) -> Evidence | None:
    """Segment a few windows of an image once more, turned by half and shown smaller, and compare.

    Parameters
    ----------
    read : callable
        Gives the processed pixels of a region, (C, h, w) float32.
    labels : ndarray of shape (Y, X), integer
        The outlines that are in question.
    roles : sequence of Role
    segmenter : Segmenter
        Whose flows are Cellpose's.
    settings : SegmentSettings
        Of the run.
    fit : SlideFit
        Of the first look.

    Returns
    -------
    Evidence or None
        None where no window shows a whole cell in either look.
    """
    windows = windows_to_look_at(labels, fit)
    return evidence_of([look_at(window, read(window), labels, roles, segmenter, settings, fit) for window in windows])


def windows_to_look_at(labels: np.ndarray, fit: SlideFit) -> list[Region]:
    """Choose the windows of a second look by `windows_with_cells`, of the size that cells ask for."""
    return windows_with_cells(labels, math.floor(SIDE_PX * fit.diameter_px / (SMALLER * FALLBACK_PX)))


def look_at(
    window: Region,
    pixels: np.ndarray,
    labels: np.ndarray,
    roles: Sequence[Role],
    segmenter: Segmenter,
    settings: SegmentSettings,
    fit: SlideFit,
) -> SecondLook:
    """Segment one window once more; parameters are those of `look_again`, with the processed pixels of the window."""
    look = _Look.at(window, fit, settings)
    turned = np.ascontiguousarray(look.shrunk(pixels)[:, ::-1, ::-1])
    flows = segmenter.flows(turned, roles, look.settings, look.fit)
    found = segmenter.masks(flows, look.settings)
    before = resize_labels(labels[window.slices], look.shape)
    return SecondLook(
        _best_overlaps(before, found[::-1, ::-1], window, labels.shape),
        _pixel_sums(flows, found, settings.cellprob_threshold),
    )


def evidence_of(looks: Sequence[SecondLook]) -> Evidence | None:
    """Join the windows of a second look, in the order of `windows_to_look_at`; None where none shows a whole cell."""
    best = np.concatenate([np.zeros(0), *(look.overlaps for look in looks)])
    if not len(best):
        return None
    sums = np.sum([look.pixels for look in looks], axis=0)
    shares = (best.mean(), (best >= 0.5).mean(), (best >= 0.75).mean(), *(sums[1:] / max(sums[0], 1.0)))
    return Evidence(*(float(share) for share in shares))


@dataclass(frozen=True)
class _Look:
    """How a window is shown: large cells are shrunk to 24 px, so that following their flows takes no longer either."""

    shape: tuple[int, int]  # in which it is shown
    fit: SlideFit
    settings: SegmentSettings

    @classmethod
    def at(cls, window: Region, fit: SlideFit, settings: SegmentSettings) -> _Look:
        shrink = min(1.0, SMALLER * FALLBACK_PX / fit.diameter_px)
        sizes = {"diameter_px": fit.diameter_px * shrink / SMALLER}
        if fit.width_px:
            sizes["width_px"] = fit.width_px * shrink
        if fit.larger_px:
            sizes["larger_px"] = fit.larger_px * shrink / SMALLER
        least = round(settings.min_size_px * shrink**2)
        fixed = {"diameter": sizes["diameter_px"], "diameter_unit": "px", "min_size_px": least}
        shape = tuple(max(1, round(side * shrink)) for side in (window.height, window.width))
        return cls(shape, replace(fit, **sizes), settings.model_copy(update=fixed))

    def shrunk(self, pixels: np.ndarray) -> np.ndarray:
        """Return the pixels of the window as they are shown, (C, y, x) float32."""
        if pixels.shape[1:] == self.shape:
            return pixels
        shape = (len(pixels), *self.shape)
        return resize(pixels, shape, order=1, anti_aliasing=True, preserve_range=True).astype(np.float32)


def windows_with_cells(labels: np.ndarray, side_px: int, n: int = N_WINDOWS) -> list[Region]:
    """Choose windows by how much of the cells they show, at even steps of the covered area.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), integer
        May be mapped from a file: only some of its rows are read.
    side_px : int
    n : int
        At most; fewer where the image is small.
    """
    windows = spread_windows(labels.shape, side_px, max(labels.shape))
    step = max(1, side_px // 32)
    covered = np.cumsum([np.count_nonzero(labels[window.slices][::step, ::step]) for window in windows])
    if covered[-1] == 0:
        return []
    wanted = (2 * np.arange(n) + 1) / (2 * n) * covered[-1]
    return [windows[at] for at in np.unique(np.searchsorted(covered, wanted))]


def _best_overlaps(first: np.ndarray, second: np.ndarray, window: Region, shape: tuple[int, int]) -> np.ndarray:
    """Return for each whole cell of either look the greatest overlap with one of the other, (N,) float."""
    iou = overlaps(first, second).iou
    found = []
    for axis, labels in enumerate((first, second)):
        ids = np.setdiff1d(labels, 0)
        whole = ~np.isin(ids, inner_edge_labels(labels, window, shape))
        best = iou.max(axis=1 - axis).toarray().ravel() if all(iou.shape) else np.zeros(len(ids))
        found.append(best[whole])
    return np.concatenate(found)


def _pixel_sums(flows: Any, labels: np.ndarray, threshold: float) -> np.ndarray:
    """Return pixels of the foreground, those in masks, the length of their flow, and pixels in between; (4,) float."""
    inside = flows.probability > threshold
    length = flow_length(flows)[inside]
    between = np.abs(flows.probability - threshold) < UNCERTAIN
    return np.array([inside.sum(), (inside & (labels > 0)).sum(), length.sum(), between.sum()], float)


def as_vector(evidence: Evidence) -> np.ndarray:
    """Return the numbers of some evidence in order, (6,) float."""
    return np.array(astuple(evidence))
