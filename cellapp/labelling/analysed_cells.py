"""The cells of one analysed image as its folder holds them: boxes, areas, outlines, and which cell lies where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet
from cachetools import LRUCache, cached

from cellapp.cells.region_reader import PixelSource, cached_reader
from cellapp.cells.shape import BOX_COLUMNS
from cellapp.errors import InputError
from cellapp.images.read import open_slide
from cellapp.labelling.outline import Outline, outline_of
from cellapp.types.image import Region

_COLUMNS = (*BOX_COLUMNS, "area_px", "manual_label")


@dataclass(frozen=True, eq=False)
class AnalysedCells:
    """Cells of an image; outlines are read from the label image, each when it is asked for."""

    folder: Path
    table: pd.DataFrame  # indexed by cell_id: half-open bounding box, area_px, manual_label ("" where nobody gave one)

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X) of the label image."""
        return self._source[1]

    @property
    def area_px(self) -> dict[int, int]:
        """Area of each cell."""
        return {int(cell_id): int(area) for cell_id, area in self.table["area_px"].items()}

    def read(self, region: Region) -> np.ndarray:
        """Return the labels of a rectangle inside of the image, (h, w) integers."""
        return self._source[0](region)[0]

    def outline(self, cell_id: int) -> Outline:
        """Return the pixels of a cell.

        Raises
        ------
        InputError
            There is no such cell.
        """
        if cell_id not in self.table.index:
            raise InputError(f"{self.folder.name!r} has no cell {cell_id}; its ids are in cells.csv")
        y0, x0, y1, x1 = (int(self.table.at[cell_id, name]) for name in BOX_COLUMNS)
        return outline_of(self.read(Region(y0, x0, y1 - y0, x1 - x0)) == cell_id, y0, x0)

    def box_holds(self, cell_id: int, y_px: float, x_px: float) -> bool:
        """Whether a point lies in the box of a cell: a centre given for it does, even where the cell is bent."""
        y0, x0, y1, x1 = (self.table.at[cell_id, name] for name in BOX_COLUMNS)
        return bool(y0 - 0.5 <= y_px <= y1 - 0.5 and x0 - 0.5 <= x_px <= x1 - 0.5)

    @cached_property
    def _source(self) -> tuple[PixelSource, tuple[int, int]]:
        slide = open_slide(self.folder / "labels.tif", digest="labels")  # never compared, so not computed
        shape = slide.info.shape[1:]
        return cached_reader(slide, shape), shape


def analysed_cells(folder: Path) -> AnalysedCells:
    """Return the cells of the folder of an analysed image; the latest few are kept.

    Raises
    ------
    InputError
        When it is no such folder.
    """
    path = folder / "cells.parquet"
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, ValueError) as error:
        raise InputError(f"{str(folder)!r} holds no readable cells.parquet; give a folder of an analysis") from error


@cached(LRUCache(8))
def _read(path: Path, _written: int) -> AnalysedCells:
    present = set(parquet.read_schema(path).names)
    table = pd.read_parquet(path, columns=[name for name in _COLUMNS if name in present])
    by_hand = table["manual_label"].fillna("") if "manual_label" in table else ""
    return AnalysedCells(path.parent, table.assign(manual_label=by_hand))
