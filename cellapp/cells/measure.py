"""Size, shape and intensity of every cell: the cell table that everything later adds columns to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from skimage.measure import regionprops_table
from skimage.util import map_array

from cellapp.cells.intensity import intensities
from cellapp.cells.source import PixelSource, reader
from cellapp.errors import InputError
from cellapp.types import LabelMask, Slide

SHAPES = {
    "centroid-0": "centroid_y_px",
    "centroid-1": "centroid_x_px",
    "bbox-0": "bbox_y0_px",
    "bbox-1": "bbox_x0_px",
    "bbox-2": "bbox_y1_px",
    "bbox-3": "bbox_x1_px",
    "area": "area_px",
    "perimeter": "perimeter_px",
    "equivalent_diameter_area": "equivalent_diameter_px",
    "axis_major_length": "major_axis_px",
    "axis_minor_length": "minor_axis_px",
    "eccentricity": "eccentricity",
    "solidity": "solidity",
    "extent": "extent",
    "orientation": "orientation_rad",
}
"""Columns of `skimage.measure.regionprops_table` and what they are called here."""

COUNTED = ("bbox_y0_px", "bbox_x0_px", "bbox_y1_px", "bbox_x1_px", "area_px")
LENGTHS = ("perimeter", "equivalent_diameter", "major_axis", "minor_axis")


def measure(
    pixels_of: PixelSource | Slide | np.ndarray,
    mask: LabelMask,
    *,
    channels: Sequence[str],
    um_per_px: float | None = None,
) -> pd.DataFrame:
    """Measure every cell on raw pixels.

    Shapes are those of `skimage.measure.regionprops`, on bounding boxes; intensities come from one pass over the image.

    Parameters
    ----------
    pixels_of : callable, Slide or ndarray of shape (C, Y, X)
        Raw pixels in native dtype; a callable takes a `Region` inside the image and returns (C, h, w).
    mask : LabelMask
    channels : sequence of str
        Names in channel order.
    um_per_px : float, optional
        Pixel size; adds ``area_um2`` and the ``*_um`` lengths.

    Returns
    -------
    DataFrame
        One row per cell, indexed by ``cell_id`` (int32): centroid, half-open bounding box, area, perimeter, equivalent
        diameter, axes, eccentricity, solidity, extent, orientation (rad, from the row axis), intensities per channel,
        sharpness. No cells gives no rows and the same columns.

    Raises
    ------
    InputError
        If the sizes differ, a channel name comes twice, or a label is negative.
    """
    names = tuple(channels)
    if len(set(names)) != len(names):
        raise InputError(f"each channel needs its own name; got {', '.join(names)}")
    read = reader(pixels_of, mask.labels.shape)
    cell_ids = mask.cell_ids
    if len(cell_ids) and cell_ids[0] < 0:
        raise InputError(f"label ids are 1 or more and 0 is background; got {cell_ids[0]}; number the cells anew")
    table = _shapes(mask.labels, cell_ids)
    if um_per_px is not None:
        table |= _in_um(table, um_per_px)
    table |= intensities(read, mask.labels, cell_ids, names)
    return pd.DataFrame(table, index=pd.Index(cell_ids, name="cell_id"))


def _shapes(labels: np.ndarray, cell_ids: np.ndarray) -> dict[str, np.ndarray]:
    # regionprops keeps a slot for every id up to the largest one, so sparse ids are numbered 1..N for it
    if len(cell_ids) and cell_ids[-1] != len(cell_ids):
        labels = map_array(labels, cell_ids.astype(labels.dtype), np.arange(1, len(cell_ids) + 1, dtype=np.int32))
    properties = tuple(dict.fromkeys(name.split("-")[0] for name in SHAPES))
    found = regionprops_table(labels, properties=properties)
    return {
        ours: np.asarray(found[theirs]).astype(np.int64 if ours in COUNTED else np.float64)
        for theirs, ours in SHAPES.items()
    }


def _in_um(table: dict[str, np.ndarray], um_per_px: float) -> dict[str, np.ndarray]:
    lengths = {f"{name}_um": table[f"{name}_px"] * um_per_px for name in LENGTHS}
    return {"area_um2": table["area_px"] * um_per_px**2, **lengths}
