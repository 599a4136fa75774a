"""Tiles of the label layer: outlines in class colours on a transparent ground, and dots where cells are tiny."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Condition

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet
from cachetools import LRUCache, cached

from cellapp.cells.counts import classes_of, outcome
from cellapp.classification.predict import rethreshold
from cellapp.rendering.annotations import draw_outlines
from cellapp.rendering.colours import class_colour, rgb
from cellapp.segmentation.label_image import LazyLabels, open_label_image
from cellapp.settings import ClassifySettings
from cellapp.types.image import Region
from cellapp.viewer.multiscale_reader import size_at

MIN_OUTLINE_PX = 6
"""Cells of a smaller diameter on the screen are drawn as dots: an outline would fill them."""

_MAX_LEVEL = 2  # beyond, outlines would take more than 16 tiles of labels to read for one of the viewer
_MIN_DOT_PX = 1.0  # radius
_COLUMNS = (
    *("centroid_y_px", "centroid_x_px", "area_px", "qc_pass"),
    *("label", "margin", "set", "unsure", "unlike_training", "manual_label"),
)


@dataclass(frozen=True, eq=False)
class CellMarks:
    """Position and colour of the cells of one image; all arrays are in the order of `cell_ids`, which is ascending."""

    cell_ids: np.ndarray  # (N,) int64
    y_px: np.ndarray  # (N,) float64, centroids at full resolution
    x_px: np.ndarray
    colours: np.ndarray  # (N, 3) uint8
    diameter_px: float  # of the median cell; 0 without cells
    key: tuple[object, ...] = ()  # what they were made from; differs when anything drawn does

    def colours_of(self, cell_ids: np.ndarray) -> dict[int, str]:
        """Return "#RRGGBB" for those of some ids that are cells of the result."""
        if not len(self.cell_ids):
            return {}
        rows = np.minimum(np.searchsorted(self.cell_ids, cell_ids), len(self.cell_ids) - 1)
        is_cell = self.cell_ids[rows] == cell_ids
        return {
            int(cell_id): "#" + bytes(colour).hex().upper()
            for cell_id, colour in zip(cell_ids[is_cell], self.colours[rows[is_cell]], strict=True)
        }


def cell_marks(
    folder: Path, settings: ClassifySettings, manual_classes: Mapping[int, str], *, threshold: float
) -> CellMarks:
    """Return the cells of a result as they are drawn; the latest few results are kept for the next tiles.

    Parameters
    ----------
    folder : Path
        Of the image in its run; its ``cells.parquet`` is read.
    settings : ClassifySettings
        Of the run.
    manual_classes : mapping of cell id to class
        Classes given by hand, which beat the head's; the database has them before the files do.
    threshold : float
        Probability of the positive class from which a cell is called positive; may differ from the run's.
    """
    path = folder / "cells.parquet"
    moved = None if threshold == settings.threshold else threshold
    by_hand = tuple(sorted(manual_classes.items()))
    return _marks(path, path.stat().st_mtime_ns, moved, settings.unsure_margin, settings.unsure == "conformal", by_hand)


@cached(LRUCache(8), condition=Condition())
def _marks(
    path: Path,
    written_ns: int,
    threshold: float | None,
    unsure_margin: float,
    by_set: bool,
    manual_classes: tuple[tuple[int, str], ...],
) -> CellMarks:
    cells = _read(path)
    classes = classes_of(cells)
    if threshold is not None:
        cells = rethreshold(cells, classes, threshold=threshold, unsure_margin=unsure_margin, by_set=by_set)
    if manual_classes:
        by_hand = pd.Series(dict(manual_classes), dtype=object)
        cells = cells.assign(manual_label=by_hand.reindex(cells.index).fillna(""))
    counted_as, names = pd.factorize(outcome(cells))
    palette = np.array([rgb(class_colour(name, classes)) for name in names], np.uint8).reshape(-1, 3)
    area_px = cells["area_px"].to_numpy(float)
    return CellMarks(
        cells.index.to_numpy(np.int64),
        cells["centroid_y_px"].to_numpy(float),
        cells["centroid_x_px"].to_numpy(float),
        palette[counted_as],
        float(2 * np.sqrt(np.median(area_px) / np.pi)) if len(area_px) else 0.0,
        (str(path), written_ns, threshold, unsure_margin, by_set, manual_classes),
    )


def _read(path: Path) -> pd.DataFrame:
    names = parquet.read_schema(path).names
    wanted = [name for name in names if name in _COLUMNS or name.startswith("p_")]
    return pd.read_parquet(path, columns=wanted).sort_index()


def draw_label_tile(labels: LazyLabels | np.ndarray, marks: CellMarks, region: Region, level: int) -> np.ndarray:
    """Draw the cells of a region: outlines near full resolution, dots where cells are small on the screen.

    Parameters
    ----------
    labels : LazyLabels or ndarray of shape (Y, X), integer
        See `open_labels`; only what is needed for outlines is decoded, and nothing for dots.
    marks : CellMarks
    region : Region
        What the tile shows, in full-resolution pixels.
    level : int
        The tile has one pixel for ``2 ** level`` a side.

    Returns
    -------
    ndarray of shape (h, w, 4), uint8
        Red, green, blue, opacity.
    """
    size = size_at(region, level)
    if not len(marks.cell_ids):
        return np.zeros((*size, 4), np.uint8)
    if level > _MAX_LEVEL or marks.diameter_px / 2**level < MIN_OUTLINE_PX:
        return _discs(marks, region, level, size)
    return _outlines(labels, marks, region, level, size)


def cell_at(labels: LazyLabels | np.ndarray, y: int, x: int) -> int:
    """Return the id of the cell that covers a pixel, 0 where there is none or outside the image."""
    if not (0 <= y < labels.shape[0] and 0 <= x < labels.shape[1]):
        return 0
    return int(labels[y : y + 1, x : x + 1][0, 0])


def open_labels(path: Path) -> LazyLabels:
    """Open a label image of a run without decoding it; the latest few stay open."""
    return _open(path, path.stat().st_mtime_ns)


@cached(LRUCache(8), condition=Condition())
def _open(path: Path, written_ns: int) -> LazyLabels:
    return open_label_image(path)


def _outlines(
    labels: LazyLabels | np.ndarray, marks: CellMarks, region: Region, level: int, size: tuple[int, int]
) -> np.ndarray:
    step = 2**level
    width_px = 1 if level == 0 else 2  # full resolution is mostly looked at enlarged
    reach = width_px * step  # so much more is read, that outlines meet across tiles
    margin = (min(region.y, reach), min(region.x, reach))
    y0, x0 = region.y - margin[0], region.x - margin[1]
    y1, x1 = region.y + region.height + reach, region.x + region.width + reach
    block = labels[y0 : min(y1, labels.shape[0]), x0 : min(x1, labels.shape[1])][::step, ::step]
    block = np.where(np.isin(block, marks.cell_ids), block, 0).astype(np.int64)
    ids = np.unique(block)
    colours = marks.colours_of(ids[ids != 0])
    drawn = draw_outlines(np.zeros((*block.shape, 3), np.uint8), block, colours, width_px=width_px)
    top, left = margin[0] // step, margin[1] // step
    drawn = drawn[top : top + size[0], left : left + size[1]]
    return np.dstack([drawn, np.where(drawn.any(axis=2), 255, 0).astype(np.uint8)])


def _discs(marks: CellMarks, region: Region, level: int, size: tuple[int, int]) -> np.ndarray:
    """Draw a disc of the median cell's size for each cell: filled while it is a dot, else its rim."""
    tile, step = np.zeros((*size, 4), np.uint8), 2**level
    radius = max(marks.diameter_px / step / 2, _MIN_DOT_PX)
    hole = radius - 2 if 2 * radius >= MIN_OUTLINE_PX else -1
    reach = (int(radius) + 1) * step
    near = (marks.y_px >= region.y - reach) & (marks.y_px < region.y + region.height + reach)
    near &= (marks.x_px >= region.x - reach) & (marks.x_px < region.x + region.width + reach)
    y = ((marks.y_px[near] - region.y) // step).astype(int)
    x = ((marks.x_px[near] - region.x) // step).astype(int)
    colours = np.column_stack([marks.colours[near], np.full(len(y), 255, np.uint8)])
    side = np.arange(-int(radius), int(radius) + 1)
    for dy, dx in [(dy, dx) for dy in side for dx in side if hole < np.hypot(dy, dx) <= radius]:
        at_y, at_x = y + dy, x + dx
        inside = (at_y >= 0) & (at_y < size[0]) & (at_x >= 0) & (at_x < size[1])
        tile[at_y[inside], at_x[inside]] = colours[inside]
    return tile
