"""Which part of a region each tile of a smaller CZI level covers: each is read alone, exactly.

Zeiss' library scales the tiles of a smaller level into a region by nearest neighbours in floating point. Where a width
is no power of two, a tile may be drawn one column or row too far and, by the order of drawing, over its neighbour.
Read alone a tile has no neighbour, and its samples lie in the middle between two such errors.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from cellapp.images.formats.czi_directory import Span, Tile, first_pixel


class Part(NamedTuple):
    """What one tile covers of a region."""

    rows: slice  # of the region
    columns: slice
    y: int  # where the part begins, full-resolution pixels in the coordinates of the file
    x: int


def parts_of(
    tiles: Iterable[Tile], origin: tuple[int, int], shrink: int, rows: range, columns: range
) -> tuple[Part, ...]:
    """Cut a region of a smaller level at the seams of its tiles.

    Parameters
    ----------
    tiles : iterable of Tile
        Of one plane of the level.
    origin : tuple of int
        (Y, X) of the scene's first pixel in the coordinates of the file.
    shrink : int
        Full-resolution pixels per pixel of the level, along a side.
    rows, columns : range
        The region in pixels of the level, in steps of 1.

    Returns
    -------
    tuple of Part
        In the order of the tiles; empty when one tile or none touches the region, which then has no seam.
    """
    parts = []
    for tile in tiles:
        down = _overlap(tile.spans["Y"], origin[0], shrink, rows)
        across = _overlap(tile.spans["X"], origin[1], shrink, columns)
        if down and across:
            parts.append(Part(down[0], across[0], down[1], across[1]))
    return tuple(parts) if len(parts) > 1 else ()


def _overlap(span: Span, origin: int, shrink: int, wanted: range) -> tuple[slice, int] | None:
    begin = first_pixel(span.start - origin, shrink)
    first, end = max(begin, wanted.start), min(begin + span.stored, wanted.stop)
    if first >= end:
        return None
    return slice(first - wanted.start, end - wanted.start), span.start + (first - begin) * shrink
