"""Crops of cells as the run's encoder reads them: one way of cutting for classifying, explaining and showing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from cellapp.cells.crop import crop
from cellapp.encoders.crop_to_rgb import encoder_input
from cellapp.images.preprocess import Preprocessor
from cellapp.pipeline.context import ImageContext
from cellapp.settings import CropSettings
from cellapp.types.cells import Crops, LabelMask
from cellapp.types.image import Region, Role, Slide


def encoder_crops(
    context: ImageContext,
    mask: LabelMask,
    cells: pd.DataFrame,
    preprocessor: Preprocessor,
    *,
    with_inside: bool = False,
) -> Crops:
    """Cut cells the way the run's head was trained, in processed pixels.

    Parameters
    ----------
    context : ImageContext
        With an encoder.
    mask : LabelMask
    cells : DataFrame
        Rows of the cell table; order is kept.
    preprocessor : Preprocessor
        `context.head_preprocessor`, or the one that came with a task from another process. A head with
        ``fit_to="crop"`` has its chain fitted anew to each crop, exactly as `predict` does with files of single cells.
    with_inside : bool
        Also say where each cell is in its crop.

    Returns
    -------
    Crops
        (C, h, w) float32, 0 to 1, for `cellapp.encoders.crop_to_rgb.encoder_input`.
    """
    vectors, source = context.models.vectors, context.source
    per_crop = vectors.reads.fit_to == "crop"
    crops = crop(
        source if per_crop else partial(preprocessor.read, source),
        mask,
        cells,
        vectors.crop,
        channels=source.info.channels,
        roles=context.roles,
        angle_deg=preprocessor.angle_deg,
        with_inside=with_inside,
    )
    if not per_crop:
        return crops
    chain = preprocessor.settings
    return replace(crops, pixels=[Preprocessor.fit_crop(raw, chain).apply(raw) for raw in crops.pixels])


def encoder_planes(
    context: ImageContext,
    mask: LabelMask,
    cells: pd.DataFrame,
    preprocessor: Preprocessor,
    side_px: int | None = None,
) -> np.ndarray:
    """Return cells as the planes that the run's encoder reads, (N, 3, S, S) float32, 0 to 1; else as `encoder_crops`.

    Where each channel is encoded by itself there are as many planes as channels.

    Parameters
    ----------
    context : ImageContext
    mask : LabelMask
    cells : DataFrame
        N rows of its cell table.
    preprocessor : Preprocessor
        Fitted to the slide.
    side_px : int, optional
        Side of the squares: gives three planes by the roles of the channels, and no encoder is needed.
    """
    return planes_of(context, encoder_crops(context, mask, cells, preprocessor), side_px)


def planes_of(context: ImageContext, crops: Crops, side_px: int | None = None) -> np.ndarray:
    """Return crops made by `encoder_crops` as planes, see `encoder_planes`."""
    if side_px is not None:
        return encoder_input(crops, context.roles, side_px)
    encoder = context.models.encoder
    return encoder_input(crops, context.roles, encoder.input_px, encoder.reads.channels_as)


@dataclass(frozen=True, eq=False)
class RawCrop:
    """What the encoder sees of one cell, in raw pixels, padded to a square as the encoder's input is."""

    pixels: np.ndarray  # (C, S, S) native dtype
    inside: np.ndarray  # (S, S) bool, True on the cell
    core: np.ndarray | None = None  # (S, S) bool, True on its nucleus; None where nuclei were not looked for


def raw_crops(
    slide: Slide,
    mask: LabelMask,
    cells: pd.DataFrame,
    settings: CropSettings,
    *,
    channels: Sequence[str],
    roles: Sequence[Role],
    angle_deg: float = 0.0,
    nuclei: np.ndarray | None = None,
) -> list[RawCrop]:
    """Cut cells as `encoder_crops` does, in raw pixels: for pictures, and to find the compartments of a cell.

    No model is needed: run.json names the crop settings and the angle.

    Parameters
    ----------
    slide, mask, cells, channels, roles, angle_deg
        See `cellapp.cells.crop.crop`.
    settings : CropSettings
        Those of the head.
    nuclei : ndarray of shape (Y, X), int, optional
        The id of each cell on its nuclei, see `cellapp.pipeline.find_nuclei`.

    Returns
    -------
    list of RawCrop
        In the order of `cells`.

    Raises
    ------
    InputError
        When a channel to drop is unknown, or a cell is not in the label image.
    """
    crops = crop(slide, mask, cells, settings, channels=channels, roles=roles, angle_deg=angle_deg, with_inside=True)
    return with_masks(crops, mask, cells, settings, angle_deg=angle_deg, nuclei=nuclei)


def with_masks(
    crops: Crops,
    mask: LabelMask,
    cells: pd.DataFrame,
    settings: CropSettings,
    *,
    angle_deg: float = 0.0,
    nuclei: np.ndarray | None = None,
) -> list[RawCrop]:
    """Return crops that know where their cells are, as squares, with the nucleus of each; see `raw_crops`."""
    cores = [None] * len(crops) if nuclei is None else _cores(nuclei, crops, mask, cells, settings, angle_deg)
    return [
        RawCrop(_squared(pixels), _squared(inside[None])[0].astype(bool), core)
        for pixels, inside, core in zip(crops.pixels, crops.inside, cores, strict=True)
    ]


def _cores(
    nuclei: np.ndarray, crops: Crops, mask: LabelMask, cells: pd.DataFrame, settings: CropSettings, angle_deg: float
) -> list[np.ndarray]:
    """Cut nuclei as the crops were, and return where each cell has its own, (S, S) bool."""

    def nuclear(region: Region) -> np.ndarray:
        return (nuclei[region.slices] != 0)[None].astype(np.float32)

    settings = settings.model_copy(update={"drop_channels": ()})
    cut = crop(nuclear, mask, cells, settings, channels=("nuclei",), angle_deg=angle_deg)
    pairs = zip(cut.pixels, crops.inside, strict=True)
    return [_squared((pixels[0] >= 0.5)[None] & inside)[0] for pixels, inside in pairs]


def _squared(pixels: np.ndarray) -> np.ndarray:
    """Pad the shorter side of (C, h, w) with zeros on both ends, as the encoder's input is."""
    height, width = pixels.shape[1:]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    return np.pad(pixels, ((0, 0), (top, side - height - top), (left, side - width - left)))
