"""The mask of a file that is answered at once and not kept, for programs that send images and wait."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from cellapp.config import app_settings
from cellapp.errors import BudgetError
from cellapp.files import clean_name
from cellapp.images.read import open_slide
from cellapp.pipeline.segment_slide import segment_image
from cellapp.segmentation.input_planes import LUMINANCE
from cellapp.settings import AnalyseSettings
from cellapp.store.costly_images import opening
from cellapp.store.staging import staged
from cellapp.types.cells import LabelMask
from cellapp.types.image import Slide
from cellapp.types.protocols import Segmenter

MOST_PX = 2**24
"""Pixels of an image that is answered while one waits."""

InputMode = Literal["L", "RGB"]
"""Whether a photograph is read as gray or as colours; the names are those of Cell Segger."""


@dataclass(frozen=True, eq=False)
class NamedMask:
    """The cells of one file."""

    name: str  # of the file
    mask: LabelMask


def predict_mask(
    chunks: Iterable[bytes],
    name: str,
    segmenter: Segmenter,
    settings: AnalyseSettings,
    input_mode: InputMode = "RGB",
) -> NamedMask:
    """Segment the first image of a file as ``segment`` does; the file is deleted afterwards.

    Parameters
    ----------
    chunks : iterable of bytes
        The file as it arrives.
    name : str
        What the sender calls it; never used as a path.
    segmenter : Segmenter
    settings : AnalyseSettings
    input_mode : {"L", "RGB"}

    Returns
    -------
    NamedMask
        Labels of the size of the image.

    Raises
    ------
    InputError
        When it is no image that can be read.
    BudgetError
        When it is larger than the limits, or than `MOST_PX`.
    """
    shown = clean_name(name)
    with staged(chunks, app_settings().budget) as arrived:
        opening(arrived.digest, shown)
        slide = _admitted(arrived.path, shown, arrived.digest)
        return NamedMask(shown, segment_image(_as_gray(slide) if input_mode == "L" else slide, segmenter, settings))


def _admitted(path: Path, name: str, digest: str) -> Slide:
    slide = open_slide(path, name=name, digest=digest)
    if slide.info.pixels > MOST_PX:
        raise BudgetError(
            f"{name!r} has {slide.info.pixels:,} pixels, and at most {MOST_PX:,} are answered while one waits: add "
            "it by POST /images and start a run by POST /runs"
        )
    return slide


def _as_gray(slide: Slide) -> Slide:
    """Return a photograph as its luminance, (1, Y, X) float32; any other image as it is."""
    if not slide.info.is_photo:
        return slide
    plane = np.tensordot(LUMINANCE, slide.region().astype(np.float32), axes=1)[None]
    shape = (1, *plane.shape[1:])
    gray = {"channels": ("gray",), "roles": (), "is_photo": False, "bits": None}
    info = replace(slide.info, shape=shape, levels=(shape[1:],), dtype="float32", **gray)
    return Slide(info=info, digest=slide.digest, levels=(plane,))
