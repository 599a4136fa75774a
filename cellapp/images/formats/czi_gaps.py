"""Where a smaller CZI level lacks what the full level shows: its pixels are made from the next finer level.

A pyramid may lack tiles, or whole planes: the program that wrote it was stopped, or scans were added later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from cellapp.images.formats.czi_directory import Span, Tile, first_pixel

_BLOCK_PX = 2048
"""Along a side, of what is read of the finer level at once."""


def gaps_of(
    level: Iterable[Tile], full: Iterable[Tile], origin: tuple[int, int], shrink: int, rows: range, columns: range
) -> np.ndarray:
    """Find the pixels of a region that a smaller level lacks.

    Parameters
    ----------
    level, full : iterable of Tile
        Of one plane at the level and at full resolution.
    origin : tuple of int
        (Y, X) of the scene's first pixel in the coordinates of the file.
    shrink : int
        Full-resolution pixels per pixel of the level, along a side.
    rows, columns : range
        The region in pixels of the level, in steps of 1.

    Returns
    -------
    ndarray of bool, shape (Y, X)
        True where no tile of the level lies and one of the full level does.
    """
    lacking = ~_covered(level, origin, shrink, rows, columns)
    return lacking & _covered(full, origin, shrink, rows, columns) if lacking.any() else lacking


def fill(
    pixels: np.ndarray,
    gaps: np.ndarray,
    rows: range,
    columns: range,
    n: int,
    read: Callable[[range, range], np.ndarray],
) -> None:
    """Fill gaps of a level by means of a finer one, in blocks, so that little of it is in memory at a time.

    Parameters
    ----------
    pixels : ndarray of shape (Y, X, samples)
        The region of the level, changed in place.
    gaps : ndarray of bool, shape (Y, X)
    rows, columns : range
        The region in pixels of the level.
    n : int
        Pixels of the finer level per pixel, along a side.
    read : callable
        Gives rows and columns of the finer level, (Y, X, samples); fewer where it ends.
    """
    for down, across in _blocks(gaps, max(_BLOCK_PX // n, 1)):
        wanted, target = gaps[down, across], pixels[down, across]
        finer = read(_finer(rows[down], n), _finer(columns[across], n))
        target[wanted] = _means(finer, n).astype(pixels.dtype)[wanted]


def _covered(tiles: Iterable[Tile], origin: tuple[int, int], shrink: int, rows: range, columns: range) -> np.ndarray:
    covered = np.zeros((len(rows), len(columns)), bool)
    for tile in tiles:
        down = _inside(tile.spans["Y"], origin[0], shrink, rows)
        covered[down, _inside(tile.spans["X"], origin[1], shrink, columns)] = True
    return covered


def _inside(span: Span, origin: int, shrink: int, wanted: range) -> slice:
    """Pixels of the region whose middle lies in a tile."""
    ends = (span.start - origin, span.start + span.size - origin)
    first, end = (first_pixel(at, shrink) - wanted.start for at in ends)
    return slice(min(max(first, 0), len(wanted)), min(max(end, 0), len(wanted)))


def _blocks(gaps: np.ndarray, side: int) -> Iterator[tuple[slice, slice]]:
    """Cut the region into blocks and each to the gaps in it."""
    for top in range(0, gaps.shape[0], side):
        for left in range(0, gaps.shape[1], side):
            block = gaps[top : top + side, left : left + side]
            if block.any():
                (y0, *_, y1), (x0, *_, x1) = ([i[0], i[-1]] for i in map(np.flatnonzero, (block.any(1), block.any(0))))
                yield slice(top + y0, top + y1 + 1), slice(left + x0, left + x1 + 1)


def _finer(pixels: range, n: int) -> range:
    return range(pixels.start * n, pixels.stop * n)


def _means(finer: np.ndarray, n: int) -> np.ndarray:
    """Means of n x n pixels, of fewer where the finer level ends; whole numbers for integers."""
    starts = [np.arange(0, length, n) for length in finer.shape[:2]]
    sums = np.add.reduceat(np.add.reduceat(finer, starts[0], 0, dtype=np.float64), starts[1], 1)
    n_rows, n_columns = (np.diff(np.append(at, length)) for at, length in zip(starts, finer.shape[:2], strict=True))
    means = sums / (n_rows[:, None, None] * n_columns[None, :, None])
    return means if finer.dtype.kind == "f" else np.rint(means)
