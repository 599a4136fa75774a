"""Batches of cells that lie together, so that a process that is given one decodes few parts of the slide."""

from __future__ import annotations

import numpy as np
import pandas as pd

CENTROID_COLUMNS = ("centroid_x_px", "centroid_y_px")
BATCH = 256  # crops in memory at once
SQUARE_PX = 2048  # side of the squares of the slide whose cells share batches, so that the slide is decoded once


def cell_batches(cells: pd.DataFrame, side_px: int = SQUARE_PX, n_most: int | None = None) -> list[pd.DataFrame]:
    """Cut a cell table into batches of at most `n_most` cells, 256 when left out, square after square of the slide.

    No cells are one batch.
    """
    n_most = n_most or BATCH  # looked up at each call, as tests make batches smaller
    ordered = cells.iloc[np.lexsort(squares(cells, side_px))]
    return [ordered.iloc[start : start + n_most] for start in range(0, max(len(cells), 1), n_most)]


def squares(cells: pd.DataFrame, side_px: int = SQUARE_PX) -> tuple[np.ndarray, np.ndarray]:
    """Return column and row of the square of the slide that each cell's centroid lies in, (N,) each."""
    column, row = (cells[name].to_numpy() // side_px for name in CENTROID_COLUMNS)
    return column, row
