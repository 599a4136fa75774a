"""Cut, check and measure cells, against a slide-sized mask per cell as the published notebook makes.

python -m benchmarks.cells
"""

from __future__ import annotations

import argparse
import tracemalloc
from collections.abc import Callable

import numpy as np
import pandas as pd
from skimage.measure import regionprops_table

from benchmarks.compare import alternate, paired, report
from cellapp.cells.crop import crop
from cellapp.cells.measure import measure
from cellapp.cells.quality import assess
from cellapp.settings import CropMode, CropSettings, QualitySettings
from cellapp.types.cells import Crops, LabelMask

CHANNELS = ("actin", "cytoplasm", "nucleus", "orange")
RADIUS_PX = 14
TIGHT = CropSettings(mode=CropMode.MASKED)


def discs(n: int, side_px: int) -> LabelMask:
    """Put `n` discs on a grid."""
    per_side = int(np.ceil(np.sqrt(n)))
    labels = np.zeros((side_px, side_px), np.int32)
    yy, xx = np.mgrid[-RADIUS_PX : RADIUS_PX + 1, -RADIUS_PX : RADIUS_PX + 1]
    inside = yy**2 + xx**2 <= RADIUS_PX**2
    step = side_px // per_side
    for i in range(n):
        y, x = (i // per_side) * step + step // 2, (i % per_side) * step + step // 2
        labels[y - RADIUS_PX : y + RADIUS_PX + 1, x - RADIUS_PX : x + RADIUS_PX + 1][inside] = i + 1
    return LabelMask(labels, "benchmark")


def ours(pixels: np.ndarray, mask: LabelMask) -> tuple[pd.DataFrame, Crops]:
    """Boxes: every column of the cell table, the published rule, and a crop of each cell."""
    cells = assess(measure(pixels, mask, channels=CHANNELS), mask, pixels, QualitySettings(published=True))
    return cells, crop(pixels, mask, cells, TIGHT, channels=CHANNELS)


def full_masks(pixels: np.ndarray, mask: LabelMask, cell_ids: range) -> tuple[list[float], list[np.ndarray]]:
    """The notebook's way: a boolean slide per cell, multiplied into all channels; three of our columns."""
    areas, crops = [], []
    for cell_id in cell_ids:
        cell = mask.labels == cell_id
        cut = pixels * np.stack([cell] * len(pixels))
        rows, columns = np.where(cell.any(1))[0], np.where(cell.any(0))[0]
        crops.append(cut[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
        found = regionprops_table(cell.astype(np.uint8), pixels[0], properties=("area", "perimeter", "eccentricity"))
        areas.append(float(found["area"][0]))
    return areas, crops


def against_full_masks(*, side_px: int = 4000, n: int = 1_000, sample: int = 20, runs: int = 3) -> dict:
    """Time both sides on one slide; slide-sized masks take so long that a sample of cells is timed and scaled."""
    pixels, mask = _noise(side_px), discs(n, side_px)
    some = range(1, sample + 1)
    figures = paired(lambda: ours(pixels, mask), lambda: full_masks(pixels, mask, some), runs=runs)
    cells, crops = ours(pixels, mask)
    areas, theirs = full_masks(pixels, mask, some)
    same = areas == cells["area_px"].tolist()[:sample] and all(map(np.array_equal, crops.pixels, theirs))
    return _scaled(figures, n / sample) | {
        "n_cells": n,
        "sampled_cells": sample,
        "same_areas_and_crops": same,
        "ours_peak_mb": _peak_mb(lambda: ours(pixels, mask)),
        "theirs_peak_mb": _peak_mb(lambda: full_masks(pixels, mask, range(1, 2))),
    }


def cost_per_cell(*, side_px: int = 4000, few: int = 1_000, many: int = 10_000, runs: int = 3) -> dict:
    """Seconds per cell with many cells over that with few, on slides of one size."""
    pixels, small, large = _noise(side_px), discs(few, side_px), discs(many, side_px)
    figures = paired(lambda: ours(pixels, small), lambda: ours(pixels, large), runs=runs)
    one = discs(1, side_px)
    return _scaled(figures, few / many) | {
        "few_cells": few,
        "many_cells": many,
        "one_cell_s": min(row[0][0] for row in alternate((lambda: ours(pixels, one),), runs=runs)),
        "peak_mb_many": _peak_mb(lambda: ours(pixels, large)),
    }


def main() -> None:
    """Measure both claims."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    claim = "cut, judge and measure 1,000 cells of 4000 x 4000 x 4, against a full-slide mask per cell"
    report(claim, ">= 100", **against_full_masks(runs=runs))
    report("cost per cell, 10,000 over 1,000 cells of one slide", "<= 1.2", **cost_per_cell(runs=runs))


def _noise(side_px: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (len(CHANNELS), side_px, side_px), np.uint8)


def _peak_mb(work: Callable[[], object]) -> float:
    """Largest memory the work allocates beyond its input."""
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return round(peak / 2**20, 1)


def _scaled(figures: dict, factor: float) -> dict:
    """Scale what depends on the number of cells on the other side."""
    kept = {key: value * factor for key, value in figures.items() if "ratio" in key or key == "theirs_median_s"}
    return figures | kept


if __name__ == "__main__":
    main()
