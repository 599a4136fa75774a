"""What an area drawn on an image may be; what it may not is refused in a sentence that says the way out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from cellapp.errors import InputError
from cellapp.regions.coverage import pixels_of
from cellapp.types.drawn_regions import DrawnRegion, DrawnRegions, Polygon

MOST_REGIONS, MOST_CORNERS = 2_000, 500_000
_AT_A_TIME = 512  # edges that are compared with all that may cross them
_DEGREES = (180.0, 90.0)  # largest longitude and latitude


def check_regions(regions: Sequence[DrawnRegion], shape: tuple[int, int]) -> DrawnRegions:
    """Return the areas of an image.

    Parameters
    ----------
    regions : sequence of DrawnRegion
        Areas may overlap each other and reach beyond the image.
    shape : tuple of int
        (Y, X) of the image.

    Raises
    ------
    InputError
        When one crosses itself, holds no pixel of the image, or there are more than can be handled.
    """
    n_corners = sum(len(ring) for region in regions for polygon in region.polygons for ring in polygon)
    if len(regions) > MOST_REGIONS or n_corners > MOST_CORNERS:
        raise InputError(f"an image takes {MOST_REGIONS:,} regions with {MOST_CORNERS:,} corners at most; got "
                         f"{len(regions):,} with {n_corners:,}; simplify them")  # fmt: skip
    for region in regions:
        _check(region, shape)
    return DrawnRegions(tuple(regions))


def _check(region: DrawnRegion, shape: tuple[int, int]) -> None:
    corners = np.array([corner for polygon in region.polygons for ring in polygon for corner in ring])
    _check_place(region.name, corners, shape)
    for polygon in region.polygons:
        if crosses_itself(polygon):
            raise InputError(f"region {region.name!r} crosses itself; draw it again without crossing its own line")
    if not any(pixels_of(polygon, shape) for polygon in region.polygons):
        raise InputError(f"region {region.name!r} has no area: it holds no pixel; draw it around what is meant")


def _check_place(name: str, corners: np.ndarray, shape: tuple[int, int]) -> None:
    """Refuse what lies beside the image or is no place in an image at all."""
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    small = max(x1 - x0, y1 - y0) < 1 or min(x0, y0) < 0
    fractions = bool((corners != np.round(corners)).any())
    if small and fractions and (np.abs(corners) <= _DEGREES).all():
        raise InputError(f"region {name!r} looks like longitudes and latitudes, or shares of the image; give pixels "
                         "of full resolution, x from the left and y from the top")  # fmt: skip
    if x1 <= 0 or y1 <= 0 or x0 >= shape[1] or y0 >= shape[0]:
        raise InputError(f"region {name!r} lies outside the image of {shape[1]:,} x {shape[0]:,} px (x {x0:,.0f} to "
                         f"{x1:,.0f}, y {y0:,.0f} to {y1:,.0f}); give pixels of full resolution")  # fmt: skip


def crosses_itself(polygon: Polygon) -> bool:
    """Return whether two edges of a polygon cross, of one ring or of two; rings may touch."""
    ends = np.concatenate([np.hstack([ring[:-1], ring[1:]]) for ring in map(np.asarray, polygon)])
    return any(_crossing(ends[some], ends[others]) for some, others in _near(ends))


def _near(ends: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield edges with all those, of lower or equal place, that reach into the same rows."""
    top, bottom = np.minimum(ends[:, 1], ends[:, 3]), np.maximum(ends[:, 1], ends[:, 3])
    order = np.argsort(top, kind="stable")
    tops = top[order]
    for first in range(0, len(order), _AT_A_TIME):
        some = order[first : first + _AT_A_TIME]
        yield some, order[first : np.searchsorted(tops, bottom[some].max(), side="right")]


def _crossing(some: np.ndarray, others: np.ndarray) -> bool:
    """Return whether an edge of `some`, (N, 4), properly crosses one of `others`, (M, 4)."""
    a, b, c, d = some[:, None, :2], some[:, None, 2:], others[None, :, :2], others[None, :, 2:]
    apart = _side(a, b, c) * _side(a, b, d) < 0
    return bool((apart & (_side(c, d, a) * _side(c, d, b) < 0)).any())


def _side(a: np.ndarray, b: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Return on which side of the line from `a` to `b` a point lies, by its sign."""
    turn = (b[..., 0] - a[..., 0]) * (point[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (point[..., 0] - a[..., 0])
    return np.sign(turn)
