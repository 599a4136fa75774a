"""Areas that a person draws on an image: those to keep, and those to leave out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

Corner = tuple[float, float]
"""x, y in pixels of full resolution; pixel (y, x) covers x..x+1, y..y+1."""
Polygon = tuple[tuple[Corner, ...], ...]
"""Its outer ring, then its holes; the last corner of a ring is the first."""


@dataclass(frozen=True)
class DrawnRegion:
    """One area with its name; several polygons are one region."""

    name: str
    polygons: tuple[Polygon, ...]
    keep: bool = True  # False: cells in it are left out


@dataclass(frozen=True)
class DrawnRegions:
    """All areas of an image.

    A pixel counts when its centre lies in an area to keep and in none to leave out; without areas to keep, all of the
    image is kept but for those to leave out.
    """

    regions: tuple[DrawnRegion, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.regions)

    @property
    def kept(self) -> tuple[DrawnRegion, ...]:
        """The areas to keep."""
        return tuple(region for region in self.regions if region.keep)

    @property
    def left_out(self) -> tuple[DrawnRegion, ...]:
        """The areas to leave out."""
        return tuple(region for region in self.regions if not region.keep)

    @property
    def digest(self) -> str:
        """12 hexadecimal digits of the areas, whatever their names and order."""
        areas = sorted(json.dumps([region.keep, region.polygons]) for region in self.regions)
        return hashlib.sha256("\n".join(areas).encode()).hexdigest()[:12]


NO_REGIONS = DrawnRegions()
"""The whole image."""
