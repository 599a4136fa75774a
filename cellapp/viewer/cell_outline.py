"""Outlines of single cells of a result, for the viewer to draw over its tiles."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from cellapp.cells.shape import BOX_COLUMNS
from cellapp.exports.polygons import polygons_of
from cellapp.labelling.analysed_cells import analysed_cells
from cellapp.types.image import Region


def cell_outlines(folder: Path, cell_ids: Collection[int]) -> list[dict[str, Any]]:
    """Return the outlines of some cells; those that are not there are left out.

    Parameters
    ----------
    folder : Path
        Of the image in its run.
    cell_ids : collection of int
        Ids.

    Returns
    -------
    list of dict
        ``id`` and ``rings``, each a list of corners [x, y] along pixel edges of the full image, holes too.
    """
    cells = analysed_cells(folder)
    outlines = []
    for cell_id in (one for one in cell_ids if one in cells.table.index):
        y0, x0, y1, x1 = (int(cells.table.at[cell_id, name]) for name in BOX_COLUMNS)
        inside = cells.read(Region(y0, x0, y1 - y0, x1 - x0)) == cell_id
        rings = [(ring + np.array([x0, y0])).tolist() for polygon in polygons_of(inside) for ring in polygon]
        outlines.append({"id": int(cell_id), "rings": rings})
    return outlines
