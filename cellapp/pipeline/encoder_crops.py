"""What an encoder sees of each cell: one way of cutting for classifying, explaining and showing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from cellapp.cells.crop import crop
from cellapp.images.preprocess import Preprocessor
from cellapp.models.bundle import RunModels
from cellapp.settings import CropSettings
from cellapp.types.cells import Crops, LabelMask
from cellapp.types.image import Role, Slide


@dataclass(frozen=True, eq=False)
class RawCrop:
    """What the encoder saw of one cell, in raw pixels, squared as its input is."""

    pixels: np.ndarray  # (C, S, S) native dtype
    inside: np.ndarray  # (S, S) bool, True on the cell

    def nucleus(self, roles: Sequence[Role]) -> np.ndarray | None:
        """Return the channel that shows the nucleus, (S, S); None without one."""
        return next((self.pixels[i] for i, role in enumerate(roles) if role is Role.NUCLEUS), None)


def encoder_crops(
    slide: Slide,
    mask: LabelMask,
    cells: pd.DataFrame,
    roles: Sequence[Role],
    models: RunModels,
    preprocessor: Preprocessor,
) -> Crops:
    """Cut cells the way the run's head was trained, in processed pixels.

    Parameters
    ----------
    slide : Slide
        Image the cells are cut from, as the user described it (`cellapp.images.channels.describe_slide`).
    mask : LabelMask
    cells : DataFrame
        Rows of the cell table; order is kept.
    roles : sequence of Role
        What each channel shows.
    models : RunModels
        With a head.
    preprocessor : Preprocessor
        Fitted on `slide` with the head's chain; a head with ``fit_to="crop"`` has it fitted anew to each crop, exactly
        as `predict` does with files of single cells.

    Returns
    -------
    Crops
        (C, h, w) float32, 0 to 1, for `cellapp.encoders.crop_to_rgb.encoder_input`.
    """
    alone = models.head.reads.fit_to == "crop"
    crops = crop(
        slide if alone else partial(preprocessor.read, slide),
        mask,
        cells,
        models.head.crop,
        channels=slide.info.channels,
        roles=roles,
        angle_deg=preprocessor.angle_deg,
    )
    if not alone:
        return crops
    chain = preprocessor.settings
    return replace(crops, pixels=[Preprocessor.fit_crop(raw, chain).apply(raw) for raw in crops.pixels])


def raw_crops(
    slide: Slide,
    mask: LabelMask,
    cells: pd.DataFrame,
    settings: CropSettings,
    *,
    channels: Sequence[str],
    roles: Sequence[Role],
    angle_deg: float = 0.0,
) -> list[RawCrop]:
    """Cut cells the same way in raw pixels, for showing and for finding places in them; no model is needed.

    Parameters
    ----------
    slide, mask, cells, channels, roles, angle_deg
        See `cellapp.cells.crop.crop`.
    settings : CropSettings
        Those of the head.

    Returns
    -------
    list of Seen
        In the order of `cells`.
    """
    crops = crop(slide, mask, cells, settings, channels=channels, roles=roles, angle_deg=angle_deg, with_inside=True)
    return [
        RawCrop(_squared(pixels), _squared(inside[None])[0].astype(bool))
        for pixels, inside in zip(crops.pixels, crops.inside, strict=True)
    ]


def _squared(pixels: np.ndarray) -> np.ndarray:
    """Pad the shorter side with zeros on both ends, as the encoder's input is."""
    height, width = pixels.shape[1:]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    return np.pad(pixels, ((0, 0), (top, side - height - top), (left, side - width - left)))
