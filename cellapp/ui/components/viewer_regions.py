"""Regions as the image viewer draws them: quiet outlines of what a run is or will be limited to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cellapp.types.drawn_regions import DrawnRegion, DrawnRegions

_CORNERS = 4_000
"""At most so many corners travel with a page; outlines with more are drawn by every second corner, or every third..."""


def drawn(regions: DrawnRegions, ids: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return regions as the script of the viewer takes them.

    Parameters
    ----------
    regions : DrawnRegions
    ids : sequence of str, optional
        By which they are picked; their numbers when left out.
    """
    n_corners = sum(len(ring) for one in regions.regions for polygon in one.polygons for ring in polygon)
    step = -(-n_corners // _CORNERS) or 1
    names = ids or [str(number) for number in range(len(regions.regions))]
    return [_drawn(name, region, step) for name, region in zip(names, regions.regions, strict=True)]


def _drawn(name: str, region: DrawnRegion, step: int) -> dict[str, Any]:
    rings = [ring[:-1] for polygon in region.polygons for ring in polygon]
    kept = [[list(corner) for corner in ring[:: min(step, max(len(ring) // 8, 1))]] for ring in rings]
    (x0, y0), (x1, y1) = (tuple(map(end, zip(*rings[0], strict=True))) for end in (min, max))
    return {"id": name, "name": region.name, "keep": region.keep, "rings": kept, "area": (x1 - x0) * (y1 - y0)}
