"""Tiles of a slide: cores that partition it, and overlapping windows around them that are segmented."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cellapp.types.image import Region

HALO_DIAMETERS = 2.0
"""A cell whose centre is in the core is whole in the window, with some 60 px of context at the network's own scale."""
LEAST_HALO_PX = 32


@dataclass(frozen=True)
class Tile:
    """One unit of work: the window is segmented, and cells centred in the core belong to this tile."""

    number: int  # position in the plan, row by row
    core: Region  # the cores of a plan cover the slide without overlap
    window: Region  # the core and its halo, clipped to the slide


def halo_px(diameter_px: float) -> int:
    """Return how far windows reach beyond their cores, px, for cells of this diameter."""
    return max(math.ceil(HALO_DIAMETERS * diameter_px), LEAST_HALO_PX)


def plan_tiles(shape: tuple[int, int], tile_px: int, halo: int) -> tuple[Tile, ...]:
    """Divide a slide into tiles of nearly equal size.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) of the slide.
    tile_px : int
        Largest side of a core; a slide with no longer side is one tile, whose window is the whole.
    halo : int
        px by which windows reach beyond their cores.

    Returns
    -------
    tuple of Tile
        Row by row.
    """
    rows, columns = (_spans(length, tile_px) for length in shape)
    cores = [Region(y0, x0, y1 - y0, x1 - x0) for y0, y1 in rows for x0, x1 in columns]
    return tuple(Tile(number, core, grown(core, halo, shape)) for number, core in enumerate(cores))


def overlapping_tiles(tiles: Sequence[Tile]) -> Iterator[tuple[Tile, Tile]]:
    """Yield each pair of tiles of a plan whose windows share pixels, once."""
    for at, tile in enumerate(tiles):
        for other in tiles[at + 1 :]:
            if other.window.y >= tile.window.y + tile.window.height:
                break  # row by row: every later window lies lower
            if intersection(tile.window, other.window):
                yield tile, other


def intersection(a: Region, b: Region) -> Region | None:
    """Return the rectangle that two rectangles share; None where they share no pixel."""
    y0, x0 = max(a.y, b.y), max(a.x, b.x)
    y1, x1 = min(a.y + a.height, b.y + b.height), min(a.x + a.width, b.x + b.width)
    return Region(y0, x0, y1 - y0, x1 - x0) if y1 > y0 and x1 > x0 else None


def bounding_box(regions: Sequence[Region]) -> Region:
    """Return the smallest rectangle with some rectangles; an empty one where there are none."""
    if not regions:
        return Region(0, 0, 0, 0)
    y0, x0 = min(one.y for one in regions), min(one.x for one in regions)
    y1, x1 = max(one.y + one.height for one in regions), max(one.x + one.width for one in regions)
    return Region(y0, x0, y1 - y0, x1 - x0)


def relative_to(region: Region, outer: Region) -> Region:
    """Return `region` in pixels of `outer`."""
    return Region(region.y - outer.y, region.x - outer.x, region.height, region.width)


def _spans(length: int, tile_px: int) -> list[tuple[int, int]]:
    n_tiles = math.ceil(length / tile_px)
    return list(pairwise(number * length // n_tiles for number in range(n_tiles + 1)))


def grown(core: Region, halo: int, shape: tuple[int, int]) -> Region:
    """Return a rectangle that reaches `halo` px farther each way, clipped to an image."""
    y0, x0 = max(core.y - halo, 0), max(core.x - halo, 0)
    y1, x1 = min(core.y + core.height + halo, shape[0]), min(core.x + core.width + halo, shape[1])
    return Region(y0, x0, y1 - y0, x1 - x0)
