"""From processed pixels to labels by any segmenter: the diameter is resolved, then flows and masks are computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cellapp.errors import InputError
from cellapp.segmentation.diameter import CellSize, resolve_size
from cellapp.segmentation.input_planes import Polarity
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
    size, fit = _size_and_fit(pixels, roles, segmenter, settings, um_per_px, fit)
    flows, fixed = _flows(pixels, roles, segmenter, settings, size, fit)
    labels = segmenter.masks(flows, fixed)
    note = "" if labels.any() else nothing_found(size, roles)
    return LabelMask(labels, segmenter.name, note, fit or SlideFit.of_size(size, Polarity.detect(pixels, roles)))


def run_flows(
    pixels: np.ndarray,
    roles: Sequence[Role],
    segmenter: Segmenter,
    settings: SegmentSettings,
    um_per_px: float | None = None,
    *,
    fit: SlideFit | None = None,
) -> tuple[Any, SegmentSettings]:
    """Compute the part of `segment` that no threshold changes. Parameters and errors are those of `segment`.

    Returns
    -------
    flows : Any
        For the segmenter's `masks`.
    settings : SegmentSettings
        With the diameter in force, in px.
    """
    size, fit = _size_and_fit(pixels, roles, segmenter, settings, um_per_px, fit)
    return _flows(pixels, roles, segmenter, settings, size, fit)


def nothing_found(size: CellSize, roles: Sequence[Role]) -> str:
    """Return a sentence on what was tried where no cells were found, and what to try next.

    Parameters
    ----------
    size : CellSize
        That was looked for.
    roles : sequence of Role
        Of the channels that were looked at.
    """
    others = ", ".join(f"{px:.3g}" for px in size.tried_px)
    compared = f", the best of {others} px" if len(size.tried_px) > 1 else ""
    unnamed = not set(roles) & {Role.CYTOPLASM, Role.NUCLEUS}
    channel = "say which channel shows nuclei or cytoplasm" if unnamed else "check which channel shows what"
    return (
        f"no cells were found: cells of {size.diameter_px:.3g} px were looked for{compared}; "
        f"{channel}, give the diameter, or take another segmenter"
    )


def _size_and_fit(
    pixels: np.ndarray,
    roles: Sequence[Role],
    segmenter: Segmenter,
    settings: SegmentSettings,
    um_per_px: float | None,
    fit: SlideFit | None,
) -> tuple[CellSize, SlideFit | None]:
    """Return the size in force, and the parameters of the slide where the segmenter needs more than a diameter."""
    if fit is not None:
        return fit.size, fit
    size = resolve_size(settings, um_per_px, pixels, roles, segmenter=segmenter)
    return size, SlideFit.of_image(size, pixels, roles)


def _flows(
    pixels: np.ndarray,
    roles: Sequence[Role],
    segmenter: Segmenter,
    settings: SegmentSettings,
    size: CellSize,
    fit: SlideFit | None,
) -> tuple[Any, SegmentSettings]:
    fixed = settings.model_copy(update={"diameter": size.diameter_px, "diameter_unit": "px"})
    return (segmenter.flows(pixels, roles, fixed, fit) if fit else segmenter.flows(pixels, roles, fixed)), fixed
