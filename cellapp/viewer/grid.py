"""How an image is cut into the tiles of the viewer: level 0 is full resolution, each further level half of it."""

from __future__ import annotations

from cellapp.errors import InputError
from cellapp.types.image import Region

TILE_PX = 512
"""Side of a tile in pixels of its level: few requests for a screen, a few dozen milliseconds to draw."""


def n_levels(shape: tuple[int, int]) -> int:
    """Return how many levels an image of (Y, X) pixels has: the last one is a single tile."""
    levels, longest = 1, max(shape)
    while longest > TILE_PX:
        levels, longest = levels + 1, (longest + 1) // 2
    return levels


def tile_region(shape: tuple[int, int], level: int, row: int, column: int) -> Region:
    """Return what a tile shows, in full-resolution pixels, cut at the image's edge.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) of the image at full resolution.
    level, row, column : int
        Of the tile; all count from 0.

    Raises
    ------
    InputError
        The image has no such tile.
    """
    side = TILE_PX * 2**level if 0 <= level < n_levels(shape) else 0
    region = Region(row * side, column * side, side, side)
    if not side or row < 0 or column < 0 or region.y >= shape[0] or region.x >= shape[1]:
        raise InputError(
            f"an image of {shape[0]:,} x {shape[1]:,} px has no tile {column}_{row} at level {level}; "
            f"levels run from 0 to {n_levels(shape) - 1}, tiles have {TILE_PX} px"
        )
    return Region(region.y, region.x, min(side, shape[0] - region.y), min(side, shape[1] - region.x))


def size_at(region: Region, level: int) -> tuple[int, int]:
    """Return height and width of a region at a level, in that level's pixels."""
    return -(-region.height // 2**level), -(-region.width // 2**level)
