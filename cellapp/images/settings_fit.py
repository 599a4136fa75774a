"""Whether settings fit an image: numbers that would take unbounded time or memory are refused before work starts.

What settings may be by themselves is said in `cellapp.settings`; the limits here depend on the image, or were not asked
for by version 0.1.0, whose stored settings have to open.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from cellapp.errors import InputError
from cellapp.settings import AnalyseSettings
from cellapp.types.image import ImageInfo

UM_PER_PX = (1e-4, 1e4)
"""Pixel sizes that microscopes have, from a tenth of a nanometre to a centimetre; areas and scales stay finite."""
MOST_TILE_PX = 8192
"""A tile is in memory whole, some 40 bytes for each pixel: 3 GB at this side."""
MOST_NETWORK_PX = 16384
"""Side of what a network reads of a tile, after cells are scaled to `NETWORK_CELL_PX`: 3 GB at this side."""
NETWORK_CELL_PX = 30.0
LEAST_DIAMETER_PX = 1.0
MOST_COUNT = 2**31 - 1
"""Counts, sizes and seeds are kept in 32 bits."""


def check_settings(info: ImageInfo, settings: AnalyseSettings, um_per_px: float | None) -> None:
    """Refuse settings that do not fit an image.

    Parameters
    ----------
    info : ImageInfo
        Of the image that is segmented.
    settings : AnalyseSettings
    um_per_px : float or None
        Pixel size in force.

    Raises
    ------
    InputError
        Names the setting, its value, the limit and what it follows from.
    """
    for field, number in _counts(settings, ""):
        if not 0 <= number <= MOST_COUNT:
            raise InputError(f"{field} is {number}; it must be a whole number from 0 to {MOST_COUNT}")
    low, high = UM_PER_PX
    if settings.um_per_px is not None and not low <= settings.um_per_px <= high:
        raise InputError(
            f"um_per_px is {settings.um_per_px:g}; a pixel of a microscope is {low:g} to {high:g} um wide: "
            "give its side in micrometres"
        )
    _check_tile(info, settings)
    _check_diameter(info, settings, um_per_px)


def _counts(settings: BaseModel, prefix: str) -> Iterator[tuple[str, int]]:
    """Yield every whole number of settings and of their parts, with its name."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from _counts(value, f"{prefix}{name}.")
        elif isinstance(value, int) and not isinstance(value, bool):
            yield f"{prefix}{name}", value


def _tile_side(info: ImageInfo, settings: AnalyseSettings) -> int:
    return min(settings.segment.tile_px, max(info.shape[1:]))


def _check_tile(info: ImageInfo, settings: AnalyseSettings) -> None:
    side, n_pixels = _tile_side(info, settings), info.shape[1] * info.shape[2]
    if side > MOST_TILE_PX:
        raise InputError(
            f"segment.tile_px is {settings.segment.tile_px} and {info.name!r} has sides of {info.shape[1]} and "
            f"{info.shape[2]} px; a tile has at most {MOST_TILE_PX} px to fit into memory: set tile_px to 2048"
        )
    default = type(settings.segment).model_fields["min_size_px"].default  # of which nobody said anything
    if settings.segment.min_size_px > max(n_pixels, default):
        raise InputError(
            f"segment.min_size_px is {settings.segment.min_size_px}, and {info.name!r} has {n_pixels} pixels in all; "
            "give fewer than a cell has"
        )


def _check_diameter(info: ImageInfo, settings: AnalyseSettings, um_per_px: float | None) -> None:
    segment = settings.segment
    if segment.diameter is None or (segment.diameter_unit == "um" and um_per_px is None):
        return  # estimated within limits of its own; without a pixel size it is refused with what is missing
    px = segment.diameter if segment.diameter_unit == "px" else segment.diameter / um_per_px
    given = f"a cell diameter of {segment.diameter:g} {segment.diameter_unit}"
    if segment.diameter_unit == "um":
        given += f" is {px:g} px and"
    longer, side = max(info.shape[1:]), _tile_side(info, settings)
    if px > longer:
        raise InputError(f"{given} is larger than {info.name!r}, whose longer side has {longer} px; give the cells'")
    if px > side:  # windows reach two diameters beyond their tile each way
        raise InputError(f"{given} is larger than a tile of {side} px; raise segment.tile_px (at most {MOST_TILE_PX})")
    least = max(LEAST_DIAMETER_PX, side * NETWORK_CELL_PX / MOST_NETWORK_PX)
    if px < least:
        raise InputError(
            f"{given} is too small for tiles of {side} px, which are enlarged until cells have {NETWORK_CELL_PX:g} px: "
            f"give at least {least:.3g} px, or smaller tiles (segment.tile_px)"
        )
