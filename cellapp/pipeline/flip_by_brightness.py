"""Which change of a channel's brightness gives a cell another class: the search on the real model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from cellapp.cells.crop import crop
from cellapp.classification.predict import predict
from cellapp.encoders.crop_to_rgb import encoder_input
from cellapp.explanation.brightness_flip import FlipSearch, search_flips
from cellapp.images.preprocess import Preprocessor
from cellapp.pipeline.context import ImageContext
from cellapp.pipeline.encoder_crops import encoder_crops
from cellapp.types.cells import Crops, LabelMask

_BATCH = 32


def flip_by_brightness(context: ImageContext, mask: LabelMask, cell: pd.DataFrame, target: str) -> FlipSearch:
    """Search the smallest change of brightness that gives one cell another class, see `search_flips`.

    Brightness is the light above the black of the image: what the head's preprocessing leaves of a channel is
    multiplied, and what then exceeds white is white. A head that scales each crop by its own intensities gets the
    crop changed before that, and usually does not care.

    Parameters
    ----------
    context : ImageContext
        With encoder and head.
    mask : LabelMask
    cell : DataFrame
        One row of the cell table.
    target : str
        Class whose probability is told.

    Raises
    ------
    ModelError
        When the head reads no crops.
    """
    encoder, head = context.models.to_explain()
    crops, per_crop = _crop(context, mask, cell), context.models.vectors.reads.fit_to == "crop"
    at = head.classes.index(target)

    def calls_of(factors: np.ndarray) -> tuple[list[str], np.ndarray]:
        labels, p = [], []
        for start in range(0, len(factors), _BATCH):
            changed = [_brighter(crops.pixels[0], some, context, per_crop) for some in factors[start : start + _BATCH]]
            ids = np.arange(len(changed), dtype=np.int32)
            many = replace(crops, pixels=changed, cell_ids=ids)
            planes = encoder_input(many, context.roles, encoder.input_px, encoder.reads.channels_as)
            called = predict(head, encoder.embed(planes, ids), context.settings.classify)
            labels += list(called.labels)
            p.append(called.probabilities[:, at])
        return labels, np.concatenate(p)

    return search_flips(calls_of, crops.channels)


def _crop(context: ImageContext, mask: LabelMask, cell: pd.DataFrame) -> Crops:
    """Cut the cell before brightness is changed: processed pixels, or raw ones where each crop is scaled by itself."""
    if context.models.vectors.reads.fit_to == "slide":
        return encoder_crops(context, mask, cell, context.head_preprocessor)
    return crop(
        context.source,
        mask,
        cell,
        context.models.vectors.crop,
        channels=context.source.info.channels,
        roles=context.roles,
        angle_deg=context.head_preprocessor.angle_deg,
    )


def _brighter(pixels: np.ndarray, factors: np.ndarray, context: ImageContext, per_crop: bool) -> np.ndarray:
    changed = pixels.astype(np.float32) * factors[:, None, None].astype(np.float32)
    if not per_crop:
        return np.clip(changed, 0, 1)
    return Preprocessor.fit_crop(changed, context.models.vectors.preprocess).apply(changed)
