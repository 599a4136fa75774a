"""Columns of the cell table about the cytoskeleton of each channel and about nuclei; made where they are asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.ndimage import label
from skimage.measure import regionprops

from cellapp.cells.cytoskeleton import DESCRIPTOR_NAMES, DESCRIPTORS, describe
from cellapp.cells.region_reader import PixelSource, cached_reader
from cellapp.cells.shape import BOX_COLUMNS
from cellapp.types.cells import LabelMask
from cellapp.types.image import Region, Slide

NUCLEAR = {
    "n_nuclei": "number of nuclei",
    "nucleus_area_px": "area of the nucleus",
    "nucleus_to_cell": "nucleus-to-cell ratio",
    "nucleus_eccentricity": "eccentricity of the nucleus",
}
"""Columns about nuclei, with names for people: of several the sum of areas and the eccentricity of the largest."""


def describe_cells(
    pixels_of: PixelSource | Slide | np.ndarray,
    mask: LabelMask,
    cells: pd.DataFrame,
    *,
    channels: Sequence[str],
    nuclei: LabelMask | None = None,
) -> pd.DataFrame:
    """Describe the cytoskeleton and the nucleus of cells.

    Parameters
    ----------
    pixels_of : callable, Slide or ndarray of shape (C, Y, X)
        Raw pixels.
    mask : LabelMask
    cells : DataFrame
        Rows of the cell table, with the columns of bounding boxes; order is kept.
    channels : sequence of str
        Names in channel order.
    nuclei : LabelMask, optional
        The id of each cell on its nuclei, see `cellapp.pipeline.find_nuclei`.

    Returns
    -------
    DataFrame
        A row per cell: with `nuclei` the columns `NUCLEAR` (a cell without a nucleus has 0 nuclei and the rest
        missing), and ``<descriptor>_<channel>`` for `cellapp.cells.cytoskeleton.DESCRIPTORS`.
    """
    read = cached_reader(pixels_of, mask.labels.shape)
    rows = []
    for cell_id, y0, x0, y1, x1 in cells[BOX_COLUMNS].itertuples():
        box = Region(y0, x0, y1 - y0, x1 - x0)
        inside = np.asarray(mask.labels[box.slices]) == cell_id
        nuclear = [] if nuclei is None else _nuclear(nuclei.labels[box.slices] == cell_id, inside)
        planes = (describe(plane, inside) for plane in read(box))
        rows.append(np.concatenate([nuclear, *planes]))
    columns = [*(NUCLEAR if nuclei is not None else ()), *(f"{name}_{c}" for c in channels for name in DESCRIPTORS)]
    return pd.DataFrame(np.reshape(rows, (len(cells), len(columns))), columns=columns, index=cells.index, dtype=float)


def _nuclear(core: np.ndarray, inside: np.ndarray) -> list[float]:
    pieces = regionprops(label(core)[0])
    if not pieces:
        return [0.0, np.nan, np.nan, np.nan]
    area = float(core.sum())
    largest = max(pieces, key=lambda piece: piece.area)
    return [float(len(pieces)), area, area / float(inside.sum()), float(largest.eccentricity)]


def described(table: pd.DataFrame) -> dict[str, str]:
    """Return the columns of a table that `describe_cells` made, with names for people."""
    titles = {name: title for name, title in NUCLEAR.items() if name in table}
    for name, title in DESCRIPTOR_NAMES.items():
        start = f"{name}_"
        titles |= {column: f"{title} ({column.removeprefix(start)})" for column in table if column.startswith(start)}
    return titles
