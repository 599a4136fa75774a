"""Where the cells of a result are and in which colour each is drawn, for every tile of the label layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet

from cellapp.cells.counts import classes_of, outcome
from cellapp.classification.predict import rethreshold
from cellapp.rendering.colours import class_colour, rgb
from cellapp.settings import ClassifySettings
from cellapp.viewer.cache import kept

_COLUMNS = ("centroid_y_px", "centroid_x_px", "area_px", "qc_pass", "label", "margin", "unsure", "manual_label")


@dataclass(frozen=True, eq=False)
class CellMarks:
    """The cells of one image; all arrays are in the order of `cell_ids`, which is ascending."""

    cell_ids: np.ndarray  # (N,) int64
    y_px: np.ndarray  # (N,) float64, centroids at full resolution
    x_px: np.ndarray
    colours: np.ndarray  # (N, 3) uint8
    diameter_px: float  # of the median cell; 0 without cells
    key: tuple[object, ...] = ()  # what they were made from; differs when anything drawn does

    def colours_of(self, cell_ids: np.ndarray) -> dict[int, str]:
        """Return "#RRGGBB" for those of some ids that are cells of the result."""
        at = np.searchsorted(self.cell_ids, cell_ids)
        known = self.cell_ids[np.minimum(at, len(self.cell_ids) - 1)] == cell_ids if len(self.cell_ids) else at < 0
        return {
            int(i): "#" + bytes(colour).hex().upper()
            for i, colour in zip(cell_ids[known], self.colours[at[known]], strict=True)
        }


def cell_marks(folder: Path, settings: ClassifySettings, said: Mapping[int, str], *, threshold: float) -> CellMarks:
    """Return the cells of a result as they are drawn.

    Parameters
    ----------
    folder : Path
        Of the image in its run.
    settings : ClassifySettings
        Of the run.
    said : mapping of cell id to class
        What people said, which beats the head; the store is ahead of the files.
    threshold : float
        Probability of the positive class from which a cell is called so now.

    Returns
    -------
    Marks
        Kept for the next tiles.
    """
    path = folder / "cells.parquet"
    moved = None if threshold == settings.threshold else threshold
    return _marks(path, path.stat().st_mtime_ns, moved, settings.unsure_margin, tuple(sorted(said.items())))


@kept(8)
def _marks(
    path: Path, changed: int, threshold: float | None, unsure_margin: float, said: tuple[tuple[int, str], ...]
) -> CellMarks:
    cells = _read(path)
    classes = classes_of(cells)
    if threshold is not None:
        cells = rethreshold(cells, classes, threshold=threshold, unsure_margin=unsure_margin)
    if said:
        cells = cells.assign(manual_label=pd.Series(dict(said), dtype=object).reindex(cells.index).fillna(""))
    called, names = pd.factorize(outcome(cells))
    palette = np.array([rgb(class_colour(name, classes)) for name in names], np.uint8).reshape(-1, 3)
    area_px = cells["area_px"].to_numpy(float)
    return CellMarks(
        cells.index.to_numpy(np.int64),
        cells["centroid_y_px"].to_numpy(float),
        cells["centroid_x_px"].to_numpy(float),
        palette[called],
        float(2 * np.sqrt(np.median(area_px) / np.pi)) if len(area_px) else 0.0,
        (str(path), changed, threshold, unsure_margin, said),
    )


def _read(path: Path) -> pd.DataFrame:
    names = parquet.read_schema(path).names
    wanted = [name for name in names if name in _COLUMNS or name.startswith("p_")]
    return pd.read_parquet(path, columns=wanted).sort_index()
