"""The cell table: size, shape and intensity of every cell; later steps add columns to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cellapp.cells.intensity import intensities
from cellapp.cells.packed_crops import find_boxes
from cellapp.cells.region_reader import PixelSource, cached_reader
from cellapp.cells.shape import shapes
from cellapp.errors import InputError
from cellapp.types.cells import LabelMask
from cellapp.types.image import Slide

LENGTHS = ("perimeter", "equivalent_diameter", "major_axis", "minor_axis")


def measure(
    pixels_of: PixelSource | Slide | np.ndarray,
    mask: LabelMask,
    *,
    channels: Sequence[str],
    um_per_px: float | None = None,
) -> pd.DataFrame:
    """Measure every cell on raw pixels.

    Shapes are those of `skimage.measure.regionprops`. Only the boxes around cells are read.

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
    read = cached_reader(pixels_of, mask.labels.shape)
    return measure_cells(
        read, mask.labels, *cells_to_measure(mask, channels), channels=tuple(channels), um_per_px=um_per_px
    )


def cells_to_measure(mask: LabelMask, channels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return ids and boxes of all cells, see `cellapp.cells.packed_crops.find_boxes`.

    Raises
    ------
    InputError
        If a channel name comes twice, or a label is negative.
    """
    if len(set(channels)) != len(channels):
        raise InputError(f"each channel needs its own name; got {', '.join(channels)}")
    if mask.labels.min(initial=0) < 0:
        raise InputError(f"label ids are 1 or more and 0 is background; got {mask.labels.min()}; number the cells anew")
    return find_boxes(mask.labels)


def measure_cells(
    read: PixelSource,
    labels: np.ndarray,
    cell_ids: np.ndarray,
    boxes: np.ndarray,
    *,
    channels: Sequence[str],
    um_per_px: float | None = None,
) -> pd.DataFrame:
    """Measure some cells as `measure` measures all of an image.

    Parameters
    ----------
    read : callable
        See `cellapp.cells.region_reader`.
    labels : ndarray of shape (Y, X), integer, or what is indexed like one
        Only the boxes of the cells are read.
    cell_ids, boxes : ndarray
        See `cellapp.cells.packed_crops.find_boxes`.
    channels, um_per_px
        See `measure`.

    Returns
    -------
    DataFrame
        In the order of `cell_ids`.
    """
    table = shapes(labels, cell_ids, boxes)
    if um_per_px is not None:
        table |= _in_um(table, um_per_px)
    table |= intensities(read, labels, cell_ids, boxes, channels=tuple(channels))
    return pd.DataFrame(table, index=pd.Index(cell_ids, name="cell_id"))


def _in_um(table: dict[str, np.ndarray], um_per_px: float) -> dict[str, np.ndarray]:
    lengths = {f"{name}_um": table[f"{name}_px"] * um_per_px for name in LENGTHS}
    return {"area_um2": table["area_px"] * um_per_px**2, **lengths}
