"""From processed pixels to labels, whatever the segmenter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cellapp.errors import InputError
from cellapp.segmentation.diameter import resolve_diameter
from cellapp.settings import SegmentSettings
from cellapp.types import LabelMask, Role, Segmenter

__all__ = ["resolve_diameter", "segment"]


def segment(
    pixels: np.ndarray,
    roles: Sequence[Role],
    segmenter: Segmenter,
    settings: SegmentSettings,
    um_per_px: float | None = None,
) -> LabelMask:
    """Find the cells of an image.

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
    diameter_px = resolve_diameter(settings, um_per_px, pixels, roles, segmenter=segmenter)
    fixed = settings.model_copy(update={"diameter": diameter_px, "diameter_unit": "px"})
    return LabelMask(segmenter.masks(segmenter.flows(pixels, roles, fixed), fixed), segmenter.name)
