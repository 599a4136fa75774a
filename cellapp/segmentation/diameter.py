"""The size of the cells of an image: from the settings, or estimated from its pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from cellapp.errors import InputError
from cellapp.segmentation.foreground import Foreground, GlobalThreshold, find_foreground
from cellapp.segmentation.input_planes import select_planes
from cellapp.segmentation.long_cells import are_long, join_shallow
from cellapp.segmentation.watershed import divide_at_seeds, grow_cells, split_touching
from cellapp.settings import SegmentSettings
from cellapp.types.image import Role
from cellapp.types.protocols import Segmenter

FALLBACK_PX = 30.0
"""Diameter where there is nothing to measure; the mean of Cellpose's training cells."""
QUICK_SIDE_PX = 1024  # larger images are shrunk for the estimate
SIGMA_PX = 1.5
SPECK = 0.15  # objects below this share of the largest area are no cells


@dataclass(frozen=True)
class CellSize:
    """The size of the cells of an image."""

    diameter_px: float  # of a disc with the area of a typical cell
    width_px: float | None = None  # where cells are much longer than wide
    tried_px: tuple[float, ...] = ()  # diameters that were compared, where the first led to nothing
    larger_px: float | None = None  # diameter of a second population of cells, where there is one
    level: GlobalThreshold | None = None  # of long cells, where Otsu's foreground shows what a network breaks up


def resolve_size(
    settings: SegmentSettings,
    um_per_px: float | None,
    pixels: np.ndarray,
    roles: Sequence[Role],
    *,
    segmenter: Segmenter | None = None,
) -> CellSize:
    """Return the size of the cells, px.

    Parameters
    ----------
    settings : SegmentSettings
    um_per_px : float or None
    pixels : ndarray of shape (C, Y, X), float32
        Processed; used only where the settings leave the diameter open.
    roles : sequence of Role
    segmenter : Segmenter, optional
        Its ``estimate_size(pixels, roles)`` is used where it has one, in place of the classical estimate.

    Raises
    ------
    InputError
        When the diameter is in um and the pixel size is unknown.
    """
    if settings.diameter is None:
        return getattr(segmenter, "estimate_size", estimate_size)(pixels, roles)
    if settings.diameter_unit == "px":
        return CellSize(settings.diameter)
    if um_per_px is None:
        raise InputError(
            f"a diameter of {settings.diameter:g} um needs a pixel size and the image has none: "
            "give --um-per-px, or the diameter in px"
        )
    return CellSize(settings.diameter / um_per_px)


def estimate_size(pixels: np.ndarray, roles: Sequence[Role]) -> CellSize:
    """Estimate the size of the cells by a quick classical pass.

    The ridge of the distance map gives a first size; the median area of the pieces of a watershed of that size is the
    estimate. Where the pieces that remain when shallow constrictions are closed are long, they are measured instead.

    Parameters
    ----------
    pixels : ndarray of shape (C, Y, X), float32
        Processed, 0 to 1.
    roles : sequence of Role

    Returns
    -------
    CellSize
        Diameter of the disc with the median area; `FALLBACK_PX` where there are no cells.
    """
    step = max(1, math.ceil(max(pixels.shape[1:]) / QUICK_SIDE_PX))
    planes = select_planes(_shrink(pixels, step), roles)
    body = find_foreground(planes.outline, SIGMA_PX)
    nuclei = find_foreground(planes.nucleus, SIGMA_PX) if planes.nucleus is not None else None
    if nuclei is not None and not nuclei.empty:
        return CellSize(step * _typical_diameter(_cells_around(nuclei, body)))
    mask = body.mask()
    width_px = _ridge_diameter(mask)
    cut, height_map = divide_at_seeds(mask, width_px)
    joined = join_shallow(cut, height_map)
    if are_long(joined, int(cut.max(initial=0)), width_px):
        return CellSize(step * _typical_diameter(joined), step * width_px)
    return CellSize(step * _typical_diameter(cut))


def _typical_diameter(labels: np.ndarray) -> float:
    areas = np.bincount(labels.ravel())[1:]
    areas = areas[areas > SPECK * areas.max(initial=0)]
    return FALLBACK_PX if areas.size == 0 else 2 * math.sqrt(float(np.median(areas)) / math.pi)


def _cells_around(nuclei: Foreground, body: Foreground) -> np.ndarray:
    centres = nuclei.mask()
    size = _ridge_diameter(centres)
    return grow_cells(split_touching(centres, size), body.mask(), body.logit, size)


def _ridge_diameter(mask: np.ndarray) -> float:
    """Twice the median half width of the pieces of a mask, each by its area; px."""
    distance = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    maxima = (distance == ndimage.maximum_filter(distance, 7)) & (distance > 1.5)
    if not maxima.any():
        return FALLBACK_PX
    heights = np.sort(distance[maxima])
    # Weighted by area, so that specks and the many small maxima of rough outlines do not outweigh cells.
    share = np.cumsum(heights**2) / np.sum(heights**2)
    return 2 * float(heights[np.searchsorted(share, 0.5)])


def _shrink(pixels: np.ndarray, step: int) -> np.ndarray:
    if step == 1:
        return pixels
    height, width = (side // step * step for side in pixels.shape[1:])
    if min(height, width) == 0:
        return pixels[:, ::step, ::step]
    blocks = pixels[:, :height, :width].reshape(len(pixels), height // step, step, width // step, step)
    return blocks.mean(axis=(2, 4), dtype=np.float32)
