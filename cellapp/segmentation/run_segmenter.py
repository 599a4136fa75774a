"""From processed pixels to labels by any segmenter: the diameter is resolved, then flows and masks are computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cellapp.errors import InputError
from cellapp.segmentation.diameter import resolve_diameter
from cellapp.segmentation.slide_fit import SlideFit
from cellapp.settings import SegmentSettings
from cellapp.types.cells import LabelMask
from cellapp.types.image import Role
from cellapp.types.protocols import Segmenter


def segment(
    pixels: np.ndarray,
    roles: Sequence[Role],
    segmenter: Segmenter,
    settings: SegmentSettings,
    um_per_px: float | None = None,
    *,
    fit: SlideFit | None = None,
) -> LabelMask:
    """Find the cells of an image, or of a tile of one.

    Parameters
    ----------
    pixels : ndarray of shape (C, Y, X), float32
        Processed, 0 to 1.
    roles : sequence of Role
        What each channel shows.
    segmenter : Segmenter
    settings : SegmentSettings
    um_per_px : float, optional
        Needed where the diameter is in um.
    fit : SlideFit, optional
        Where `pixels` are a tile: parameters of the slide (see `cellapp.segmentation.slide_fit.fit_slide`).

    Returns
    -------
    LabelMask
        Ids 1..n; no cells is a mask of zeros.

    Raises
    ------
    InputError
        When pixels are not (C, Y, X) with one role per channel, or the diameter needs a pixel size that is unknown.
    """
    if pixels.ndim != 3 or len(roles) != len(pixels):
        raise InputError(
            f"pixels must be (C, Y, X) with one role per channel; got {pixels.shape} and {len(roles)} roles"
        )
    flows, fixed = run_flows(pixels, roles, segmenter, settings, um_per_px, fit=fit)
    return LabelMask(segmenter.masks(flows, fixed), segmenter.name)


def run_flows(
    pixels: np.ndarray,
    roles: Sequence[Role],
    segmenter: Segmenter,
    settings: SegmentSettings,
    um_per_px: float | None = None,
    *,
    fit: SlideFit | None = None,
) -> tuple[Any, SegmentSettings]:
    """Compute the part of `segment` that no threshold changes; parameters and errors are those of it.

    Returns
    -------
    flows : Any
        For the segmenter's `masks`.
    settings : SegmentSettings
        With the diameter in force, in px.
    """
    diameter_px = fit.diameter_px if fit else resolve_diameter(settings, um_per_px, pixels, roles, segmenter=segmenter)
    fixed = settings.model_copy(update={"diameter": diameter_px, "diameter_unit": "px"})
    return (segmenter.flows(pixels, roles, fixed, fit) if fit else segmenter.flows(pixels, roles, fixed)), fixed
