"""What a head says of cells when a channel or a part of them is taken away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from cellapp.classification.predict import from_probabilities
from cellapp.encoders.crop_to_rgb import encoder_input
from cellapp.explanation.compartments import EFFECT
from cellapp.explanation.hirescam import attribute
from cellapp.explanation.removal import CALL, CHANNEL, NEED_NUCLEUS, PARTS, WITHOUT, CutCell, P, mean_level
from cellapp.pipeline.context import ImageContext
from cellapp.pipeline.encoder_crops import RawCrop
from cellapp.types.cells import Crops, Explanations
from cellapp.types.image import Role


def cut_cells(context: ImageContext, crops: Crops, raw: Sequence[RawCrop]) -> list[CutCell]:
    """Return cells with their masks, which `raw` has padded to squares, in the frame of `crops`."""
    dyed = tuple(i for i, role in enumerate(context.roles) if role is Role.NUCLEUS)
    cells = []
    for pixels, one in zip(crops.pixels, raw, strict=True):
        inside = _unsquared(one.inside, pixels.shape[1:])
        core = np.zeros_like(inside) if one.core is None else _unsquared(one.core, pixels.shape[1:])
        cells.append(CutCell(pixels, inside, core, dyed))
    return cells


def mean_levels(cells: Sequence[CutCell], n_channels: int) -> np.ndarray:
    """Return the mean brightness of cells in each channel, (C,); zeros without cells."""
    return np.mean([mean_level(cell) for cell in cells], axis=0) if cells else np.zeros(n_channels)


class Without(NamedTuple):
    """What a head says of some cells without one channel or one part."""

    table: pd.DataFrame
    maps: dict[str, Explanations]  # exact, without each channel, by its name


def without_each(
    context: ImageContext,
    crops: Crops,
    cells: Sequence[CutCell],
    explained: Explanations,
    levels: np.ndarray | None = None,
) -> Without:
    """Call cells again, each time without one channel or one part.

    Parameters
    ----------
    context : ImageContext
        With encoder and head.
    crops : Crops
        As the head reads them.
    cells : sequence of CutCell
        The same; see `cut_cells`.
    explained : Explanations
        Exact maps of the whole cells, for the class whose probability and logit are given.
    levels : ndarray of shape (C,), optional
        Mean brightness of cells, see `cellapp.explanation.removal`; without it only channels are taken away.

    Returns
    -------
    Without
        Its table has a row per cell, indexed by ``cell_id``. ``effect_<channel>``: logit minus the logit without it,
        for images of several channels. With `levels` also ``p`` and ``call`` of the whole cell, and
        ``p_without_<what>`` and ``call_without_<what>`` for parts and for ``channel_<name>``; missing for cells without
        a nucleus where that is needed.
    """
    target, columns, maps = explained.target, {}, {}
    if levels is not None:
        _, columns[P], columns[CALL] = _answers(context, crops, target)
    for what, pixels in _pictures(crops, cells, levels):
        without, p, calls = _answers(context, replace(crops, pixels=pixels), target)
        if what.startswith(CHANNEL):
            maps[what.removeprefix(CHANNEL)] = without
            columns[EFFECT + what.removeprefix(CHANNEL)] = explained.logits - without.logits
        if levels is not None:
            there = [what not in NEED_NUCLEUS or bool(cell.nucleus.any()) for cell in cells]
            columns[P + WITHOUT + what] = np.where(there, p, np.nan)
            columns[CALL + WITHOUT + what] = np.where(there, calls, "")
    return Without(pd.DataFrame(columns, index=pd.Index(crops.cell_ids, name="cell_id")), maps)


def _pictures(
    crops: Crops, cells: Sequence[CutCell], levels: np.ndarray | None
) -> Iterator[tuple[str, list[np.ndarray]]]:
    for channel, name in enumerate(crops.channels if len(crops.channels) > 1 else ()):
        dark = [np.where(np.arange(len(pixels))[:, None, None] == channel, 0, pixels) for pixels in crops.pixels]
        yield CHANNEL + name, dark
    for part, remove in PARTS.items() if levels is not None else ():
        if part not in NEED_NUCLEUS or any(cell.nucleus.any() for cell in cells):
            yield part, [remove(cell, levels) for cell in cells]


def _answers(context: ImageContext, crops: Crops, target: str) -> tuple[Explanations, np.ndarray, np.ndarray]:
    """Return the exact maps of a class, its probabilities, and the class called, the last two (N,)."""
    encoder, head = context.models.to_explain()
    planes = encoder_input(crops, context.roles, encoder.input_px, head.reads.channels_as)
    embeddings = encoder.embed(planes, crops.cell_ids, patches=True)
    features = embeddings.features
    chances, unlike = head.probabilities(features), np.zeros(len(features), bool)
    called = from_probabilities(head, chances, unlike, crops.cell_ids, context.settings.classify)
    return attribute(head, embeddings, target), chances[:, head.classes.index(target)], called.labels


def _unsquared(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Undo the padding of a shorter side, (S, S) to `shape`."""
    top, left = ((side - length) // 2 for side, length in zip(mask.shape, shape, strict=True))
    return mask[top : top + shape[0], left : left + shape[1]]
