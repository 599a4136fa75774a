"""Vectors of cells from windows of their slide: one pass of the encoder for all cells in a window.

The windows lie edge to edge from the slide's corner and are as large as the head's crops would be, so that the encoder
sees cells at that scale, in pictures of the size it was trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from cellapp.cells.crop import dropped_channels, read_padded
from cellapp.cells.region_reader import PixelSource, cached_reader
from cellapp.cells.shape import BOX_COLUMNS
from cellapp.encoders.crop_to_rgb import encoder_input
from cellapp.encoders.patch_pooling import PatchSums, nothing_covered, pool_patches
from cellapp.errors import InputError
from cellapp.images.preprocess import Preprocessor
from cellapp.settings import CropSettings
from cellapp.types.cells import Crops, Embeddings, LabelMask
from cellapp.types.image import Region, Role, Slide
from cellapp.types.protocols import Encoder

_WINDOWS = 64  # windows whose patches are in memory at once


def pool_cells(
    slide: Slide,
    mask: LabelMask,
    cells: pd.DataFrame,
    roles: Sequence[Role],
    preprocessor: Preprocessor,
    *,
    encoder: Encoder,
    crop: CropSettings,
) -> Embeddings:
    """Read the windows that hold cells of a table and give each cell the mean of what it covers.

    A vector depends on the slide, the cell's own pixels and the settings, not on which other cells are asked for.

    Parameters
    ----------
    slide : Slide
        As the user described it (`cellapp.images.channels.describe_slide`).
    mask : LabelMask
    cells : DataFrame
        Rows of the cell table; order is kept.
    roles : sequence of Role
        What each channel shows.
    preprocessor : Preprocessor
        Fitted on `slide` with the head's chain.
    encoder : Encoder
    crop : CropSettings
        Of the head: the side of the windows, and channels to leave dark.

    Returns
    -------
    Embeddings
        ``mean_patch`` and ``spread_patch`` are mean and standard deviation of the patches each cell covers, weighted by
        how much of them it covers; there is no class token of a cell (``cls`` has no columns).

    Raises
    ------
    InputError
        If a cell is not in the label image.
    """
    cell_ids = cells.index.to_numpy(np.int32)
    dropped = dropped_channels(crop.drop_channels, slide.info.channels, roles)
    read = cached_reader(partial(preprocessor.read, slide), mask.labels.shape)
    reader = _Reader(read, mask.labels, encoder, slide.info.channels, tuple(roles), tuple(dropped))
    windows = grid_windows(cells, crop.size_px)
    pooled = nothing_covered(len(cells), encoder.dim)
    for start in range(0, len(windows), _WINDOWS):
        pooled += reader.pool(windows[start : start + _WINDOWS], cell_ids)
    if not pooled.n_patches.all():
        missing = cell_ids[np.flatnonzero(pooled.n_patches == 0)[0]]
        raise InputError(f"cell {missing} is not in this label image; use the cell table that was measured on it")
    return Embeddings(
        cls=np.zeros((len(cells), 0), np.float32),
        mean_patch=pooled.mean,
        spread_patch=pooled.spread,
        cell_ids=cell_ids,
        encoder=encoder.identity,
    )


def grid_windows(cells: pd.DataFrame, side_px: int) -> list[Region]:
    """Return the windows of a slide's grid that the boxes of some cells reach into, row by row.

    Parameters
    ----------
    cells : DataFrame
        With the ``bbox_*_px`` columns of `measure`.
    side_px : int
        Side of the windows, which lie edge to edge from the corner of the slide; the last may reach beyond it.
    """
    y0, x0, y1, x1 = cells[BOX_COLUMNS].to_numpy(np.int64).T
    places = {
        (row, column)
        for top, left, bottom, right in zip(y0, x0, y1, x1, strict=True)
        for row in range(top // side_px, (bottom - 1) // side_px + 1)
        for column in range(left // side_px, (right - 1) // side_px + 1)
    }
    return [Region(int(row) * side_px, int(column) * side_px, side_px, side_px) for row, column in sorted(places)]


@dataclass(frozen=True, eq=False)
class _Reader:
    """One slide and one encoder: everything but windows and cells."""

    read: PixelSource  # processed pixels
    labels: np.ndarray
    encoder: Encoder
    channels: tuple[str, ...]
    roles: tuple[Role, ...]
    dropped: tuple[int, ...]

    def pool(self, windows: Sequence[Region], cell_ids: np.ndarray) -> PatchSums:
        """Add up what each cell covers in some windows."""
        cut = [read_padded(self.read, self.labels, window) for window in windows]
        pixels = [np.array(pixels) for pixels, _ in cut]
        for one in pixels:
            one[list(self.dropped)] = 0
        crops = Crops(pixels, np.arange(len(windows), dtype=np.int32), self.channels)
        planes = encoder_input(crops, self.roles, self.encoder.input_px)
        found = self.encoder.embed(planes, crops.cell_ids, patches=True)
        return pool_patches(found.patches, np.stack([labels for _, labels in cut]), cell_ids, found.grid)
