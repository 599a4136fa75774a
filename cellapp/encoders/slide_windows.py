"""Vectors of cells from windows of their slide: the encoder runs once for all cells in a window.

The windows tile the slide from its corner and have the side of the head's crops, so that the encoder reads cells at the
scale it was trained on. A cell's vector is the mean of the patches it covers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from scipy import sparse

from cellapp.cells.crop import dropped_channels, read_padded
from cellapp.cells.region_reader import PixelSource, cached_reader
from cellapp.cells.shape import BOX_COLUMNS
from cellapp.encoders.crop_to_rgb import encoder_input
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
    """Encode the windows that cells of a table lie in and pool the patches of each cell.

    A vector depends on the slide, the cell's own pixels and the settings, not on the other cells of the table.

    Parameters
    ----------
    slide : Slide
        As the user described it (`cellapp.images.channels.describe_slide`).
    mask : LabelMask
    cells : DataFrame
        Rows of the cell table; order is kept.
    roles : sequence of Role
        Role of each channel.
    preprocessor : Preprocessor
        Fitted on `slide` with the head's chain.
    encoder : Encoder
    crop : CropSettings
        Of the head: the side of the windows, and channels to set to zero.

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
    window_encoder = _WindowEncoder(read, mask.labels, encoder, slide.info.channels, tuple(roles), tuple(dropped))
    windows = grid_windows(cells, crop.size_px)
    pooled = zero_sums(len(cells), encoder.dim)
    for start in range(0, len(windows), _WINDOWS):
        pooled += window_encoder.pool(windows[start : start + _WINDOWS], cell_ids)
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
    """Return the windows of a slide's grid that overlap the bounding boxes of some cells, row by row.

    Parameters
    ----------
    cells : DataFrame
        With the ``bbox_*_px`` columns of `measure`.
    side_px : int
        Side of the windows, which tile the slide from its corner; the last may extend beyond it.
    """
    y0, x0, y1, x1 = cells[BOX_COLUMNS].to_numpy(np.int64).T
    positions = {
        (row, column)
        for top, left, bottom, right in zip(y0, x0, y1, x1, strict=True)
        for row in range(top // side_px, (bottom - 1) // side_px + 1)
        for column in range(left // side_px, (right - 1) // side_px + 1)
    }
    return [Region(int(row) * side_px, int(column) * side_px, side_px, side_px) for row, column in sorted(positions)]


@dataclass(frozen=True, eq=False)
class _WindowEncoder:
    """One slide with its labels, and the encoder of its windows."""

    read: PixelSource  # processed pixels
    labels: np.ndarray
    encoder: Encoder
    channels: tuple[str, ...]
    roles: tuple[Role, ...]
    dropped: tuple[int, ...]

    def pool(self, windows: Sequence[Region], cell_ids: np.ndarray) -> PatchSums:
        """Sum the patches that each cell covers in some windows."""
        padded = [read_padded(self.read, self.labels, window) for window in windows]
        pixels = [np.array(planes) for planes, _ in padded]
        for planes in pixels:
            planes[list(self.dropped)] = 0
        crops = Crops(pixels, np.arange(len(windows), dtype=np.int32), self.channels)
        planes = encoder_input(crops, self.roles, self.encoder.input_px)
        tokens = self.encoder.embed(planes, crops.cell_ids, patches=True)
        return pool_patches(tokens.patches, np.stack([labels for _, labels in padded]), cell_ids, tokens.grid)


@dataclass(frozen=True, eq=False)
class PatchSums:
    """Sums over the patches of N cells, each patch weighted by the share of it that the cell covers."""

    n_patches: np.ndarray  # (N,) float64, sum of the weights
    tokens: np.ndarray  # (N, D) float64
    squares: np.ndarray  # (N, D) float64

    def __add__(self, other: PatchSums) -> PatchSums:
        """Add the sums of the same cells over other windows."""
        return PatchSums(self.n_patches + other.n_patches, self.tokens + other.tokens, self.squares + other.squares)

    @property
    def mean(self) -> np.ndarray:
        """Mean token of each cell, (N, D) float32; NaN where a cell covers no patch."""
        return (self.tokens / self.n_patches[:, None]).astype(np.float32)

    @property
    def spread(self) -> np.ndarray:
        """Standard deviation of each cell's tokens, (N, D) float32: how uneven the cell is."""
        n_patches = self.n_patches[:, None]
        variance = self.squares / n_patches - (self.tokens / n_patches) ** 2
        return np.sqrt(np.maximum(variance, 0)).astype(np.float32)


def zero_sums(n_cells: int, dim: int) -> PatchSums:
    """Return the sums of cells over no windows."""
    return PatchSums(np.zeros(n_cells), np.zeros((n_cells, dim)), np.zeros((n_cells, dim)))


def pool_patches(patches: np.ndarray, labels: np.ndarray, cell_ids: np.ndarray, grid: tuple[int, int]) -> PatchSums:
    """Sum the patches that each cell covers in some windows; a cell's sums depend on no other cell.

    Divided by the weights this is masked average pooling (Zhang et al. 2018, arXiv:1810.09091).

    Parameters
    ----------
    patches : ndarray of shape (W, P, D)
        Tokens of each of W windows, row-major over `grid`.
    labels : ndarray of shape (W, S, S), int
        Labels of the windows; 0 is background. S need be no multiple of `grid`.
    cell_ids : ndarray of shape (N,)
        Cells to sum over, in any order; others are ignored.
    grid : tuple of int
        Rows and columns of the patches in a window.

    Returns
    -------
    PatchSums
        In the order of `cell_ids`; zero where a cell has no pixel in the windows.
    """
    shares = _covered_shares(labels, cell_ids, grid)
    flat = patches.reshape(shares.shape[1], patches.shape[-1]).astype(np.float64)
    return PatchSums(shares.sum(axis=1), shares @ flat, shares @ flat**2)


def _covered_shares(labels: np.ndarray, cell_ids: np.ndarray, grid: tuple[int, int]) -> sparse.csr_array:
    """Return the share of each patch, 0 to 1, that each cell covers, (N, W * P)."""
    n_windows, height, width = labels.shape
    n_patches = grid[0] * grid[1]
    patch_of = np.add.outer(np.arange(height) * grid[0] // height * grid[1], np.arange(width) * grid[1] // width)
    n_pixels = np.bincount(patch_of.ravel(), minlength=n_patches)
    inside = np.flatnonzero(labels)
    rows = pd.Index(cell_ids).get_indexer(labels.ravel()[inside])
    inside, rows = inside[rows >= 0], rows[rows >= 0]
    window, pixel = np.divmod(inside, height * width)
    patch = patch_of.ravel()[pixel]
    positions = (rows, window * n_patches + patch)
    return sparse.coo_array((1 / n_pixels[patch], positions), shape=(len(cell_ids), n_windows * n_patches)).tocsr()
