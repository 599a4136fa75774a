"""Cut, judge and measure cells, against a slide-sized mask per cell as the published notebook makes.

python -m benchmarks.cells
"""

import numpy as np
from skimage.measure import regionprops_table

from benchmarks.compare import paired, report
from cellapp.cells.crop import crop
from cellapp.cells.measure import measure
from cellapp.cells.quality import assess
from cellapp.settings import CropMode, CropSettings, QualitySettings
from cellapp.types import LabelMask

SIDE = 4000
CHANNELS = ("actin", "cytoplasm", "nucleus", "orange")
SAMPLE = 20  # slide-sized masks take so long that a sample of cells is timed and scaled


def discs(n: int, rng: np.random.Generator) -> LabelMask:
    """Put `n` discs of radius 14 px on a grid."""
    per_side = int(np.ceil(np.sqrt(n)))
    labels = np.zeros((SIDE, SIDE), np.int32)
    yy, xx = np.mgrid[-14:15, -14:15]
    inside = yy**2 + xx**2 <= 14**2
    step = SIDE // per_side
    for i in range(n):
        y, x = (i // per_side) * step + step // 2, (i % per_side) * step + step // 2
        labels[y - 14 : y + 15, x - 14 : x + 15][inside] = i + 1
    return LabelMask(labels, "benchmark")


def ours(pixels: np.ndarray, mask: LabelMask) -> None:
    """Bounding boxes."""
    cells = assess(measure(pixels, mask, channels=CHANNELS), mask, pixels, QualitySettings(published=True))
    crop(pixels, mask, cells, CropSettings(mode=CropMode.MASKED), channels=CHANNELS)


def full_masks(pixels: np.ndarray, mask: LabelMask, cell_ids: range) -> None:
    """The notebook's way: a boolean slide per cell, multiplied into all channels."""
    for cell_id in cell_ids:
        cell = mask.labels == cell_id
        cut = pixels * np.stack([cell] * len(pixels))
        rows, columns = np.where(cell.any(1))[0], np.where(cell.any(0))[0]
        box = cut[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        regionprops_table(cell.astype(np.uint8), pixels[0], properties=("area", "perimeter", "eccentricity"))
        box.mean()


def main() -> None:
    """Measure both claims."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (len(CHANNELS), SIDE, SIDE), np.uint8)
    thousand, many = discs(1_000, rng), discs(10_000, rng)
    sample = paired(lambda: ours(pixels, thousand), lambda: full_masks(pixels, thousand, range(1, SAMPLE + 1)), runs=3)
    claim = "cut, judge and measure 1,000 cells of 4000 x 4000 x 4"
    report(claim, ">= 100", **scaled(sample, 1_000 / SAMPLE), sampled_cells=SAMPLE)
    flat = paired(lambda: ours(pixels, thousand), lambda: ours(pixels, many), runs=3)
    report("cost per cell, 10,000 over 1,000 cells", "0.8 to 1.2", **scaled(flat, 1_000 / 10_000))


def scaled(figures: dict, factor: float) -> dict:
    """Scale what depends on the number of cells on the other side."""
    return figures | {key: figures[key] * factor for key in ("ratio", "ratio_min", "ratio_max", "theirs_median_s")}


if __name__ == "__main__":
    main()
