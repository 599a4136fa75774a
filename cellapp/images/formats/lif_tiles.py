"""Where the tiles of a Leica mosaic lie in the picture that they make together."""

from __future__ import annotations

from typing import Any

import numpy as np

from cellapp.images.formats.pixel_size import to_um

_LEAST_STEP, _MOST_STEP = 0.5, 1.02  # of a tile, from one to the next; other distances of the stage are not believed
_OVERLAP_PX = 1
"""Of tiles whose stage positions cannot be used: what the microscope's own program leaves between them."""


def corners_of(
    tilescan: Any, tile_size: tuple[int, int], um_per_px: float | None
) -> tuple[tuple[tuple[int, int], ...], int]:
    """Arrange tiles by their fields, and let them overlap as the positions of the stage say.

    Parameters
    ----------
    tilescan : liffile.LifTileScanInfo
        Field and stage position (m) of each tile, and how the axes of the stage lie to those of the picture: without a
        flip, the first field is at the right and at the bottom.
    tile_size : tuple of int
        (Y, X) of a tile.
    um_per_px : float or None

    Returns
    -------
    corners : tuple of (y, x)
        Upper left corner of each tile in the picture, pixels.
    n_places : int
        How many tiles the grid has room for.
    """
    axes = ["y", "x"][:: -1 if tilescan.swap_xy else 1]
    starts, counts = [], []
    for axis, length, is_flipped in zip(axes, tile_size, (tilescan.flip_y, tilescan.flip_x), strict=True):
        fields = np.asarray(tilescan[f"field_{axis}"], int)
        fields = fields - fields.min()
        step = _step_px(fields, np.asarray(tilescan[f"pos_{axis}"], float), length, um_per_px)
        places = fields if is_flipped else fields.max() - fields
        starts.append(np.round(places * step).astype(int))
        counts.append(int(fields.max()) + 1)
    corners = tuple((int(y), int(x)) for y, x in zip(*starts, strict=True))
    return corners, counts[0] * counts[1]


def _step_px(fields: np.ndarray, positions_m: np.ndarray, length: int, um_per_px: float | None) -> float:
    """Return how many pixels lie between the beginnings of two neighbouring tiles."""
    others = fields > 0
    if um_per_px and others.any():
        distances = np.abs(positions_m[others] - positions_m[~others].mean()) / fields[others]
        step = (to_um(float(np.median(distances)), "m") or 0.0) / um_per_px
        if _LEAST_STEP * length <= step <= _MOST_STEP * length:
            return min(step, length)
    return length - _OVERLAP_PX
