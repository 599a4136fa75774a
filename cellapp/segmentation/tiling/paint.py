"""The label image of a slide from those of its tiles, in memory or on disk, a window or a band at a time."""

from __future__ import annotations

from collections.abc import Iterator

import fastremap
import numpy as np

from cellapp.segmentation.tiling.grid import Tile
from cellapp.segmentation.tiling.stitch import SAME
from cellapp.types.image import Region

BAND_PX = 2**22
"""Pixels of the label image held at a time."""


def paint_tile(canvas: np.ndarray, tile: Tile, labels: np.ndarray, ranks: np.ndarray) -> None:
    """Write the selected cells of a tile into the label image of the slide.

    The higher rank wins, so that the order of the tiles does not matter.

    Parameters
    ----------
    canvas : ndarray of shape (Y, X), int32
        Changed in place.
    tile : Tile
    labels : ndarray of shape (h, w), integer
        Of the tile's window.
    ranks : ndarray of shape (n + 1,), int32
        Label -> rank, see `cellapp.segmentation.tiling.stitch`.
    """
    window = canvas[tile.window.slices]
    np.maximum(window, ranks[labels], out=window)


def number_cells(canvas: np.ndarray, *, area_px: np.ndarray | None = None, min_size_px: int = 0) -> int:
    """Give cells the numbers 1..n in reading order of their first pixel, in place.

    Parameters
    ----------
    canvas : ndarray of shape (Y, X), int32
        Ids in any order, 0 is background.
    area_px : ndarray of shape (K + 1,), int64, optional
        Pixels that each id had in its tile; cells that lost more than half of them to cells of a higher rank are
        dropped.
    min_size_px : int
        Cells of fewer pixels are dropped.

    Returns
    -------
    int
        How many cells there are.
    """
    first, size = _first_and_size(canvas)
    is_cell = size >= max(min_size_px, 1)
    if area_px is not None:
        expected = np.zeros(len(size))
        expected[: len(area_px)] = area_px[: len(size)]
        is_cell &= size >= SAME * expected
    is_cell[0] = False
    ids = np.flatnonzero(is_cell)
    numbers = np.zeros(len(size), np.int32)
    numbers[ids[np.argsort(first[ids])]] = np.arange(1, len(ids) + 1)
    for band in bands(canvas.shape):
        canvas[band.slices] = numbers[canvas[band.slices]]
    return len(ids)


def bands(shape: tuple[int, int]) -> Iterator[Region]:
    """Yield bands of full width, from the top, by which a large label image is processed."""
    height = max(BAND_PX // max(shape[1], 1), 1)
    for y in range(0, shape[0], height):
        yield Region(y, 0, min(height, shape[0] - y), shape[1])


def _first_and_size(canvas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return position of the first pixel in reading order and number of pixels of each id, both (K + 1,) int64."""
    n = max((int(canvas[band.slices].max(initial=0)) for band in bands(canvas.shape)), default=0) + 1
    first, size = np.full(n, np.iinfo(np.int64).max), np.zeros(n, np.int64)
    for band in bands(canvas.shape):
        ids, at, n_px = fastremap.unique(canvas[band.slices], return_index=True, return_counts=True)
        first[ids] = np.minimum(first[ids], at.astype(np.int64) + band.y * canvas.shape[1])
        size[ids] += n_px.astype(np.int64)
    return first, size
