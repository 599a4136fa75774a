"""crops.zip against compression alone: the same pictures as PNG and raw files by zlib, at the same levels on one core.

python -m benchmarks.crops
"""

from __future__ import annotations

import argparse
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from benchmarks.compare import paired, report
from cellapp.cells.measure import measure
from cellapp.cells.quality import assess
from cellapp.exports.crops_zip import write_crops
from cellapp.images.channels import assign_channels
from cellapp.images.read import open_slide
from cellapp.rendering.composition import ImageStyle
from cellapp.rendering.png import png_bytes
from cellapp.segmentation.label_image import relabel
from cellapp.settings import CropSettings, QualitySettings
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.synthetic.write import write_demo
from cellapp.types.cells import LabelMask


def against_compression(*, side_px: int = 1024, runs: int = 3) -> dict:
    """Ratio of compressing the content of the file to writing it; 1 means that nothing but compression costs."""
    with tempfile.TemporaryDirectory() as scratch:
        write = _writer(Path(scratch), side_px)
        with zipfile.ZipFile(write()) as archive:
            content = {name: archive.read(name) for name in archive.namelist()}
        figures = paired(write, lambda: _compress(content), runs=runs)
        return {**figures, "n_cells": sum(name.startswith("raw/") for name in content), "side_px": side_px}


def _writer(folder: Path, side_px: int) -> Callable[[], Path]:
    files = write_demo(folder, SyntheticSettings(height=side_px, width=side_px, seed=1))
    slide = open_slide(files.slide)
    mask = LabelMask(relabel(tifffile.imread(files.labels).astype(np.int32)), "truth")
    cells = assess(measure(slide, mask, channels=slide.info.channels), mask, slide, QualitySettings())
    style = ImageStyle.of(slide, *assign_channels(slide.info, {}))
    return lambda: write_crops(slide, mask, cells, folder / "crops.zip", style=style, settings=CropSettings())


def _compress(content: dict[str, bytes]) -> int:
    size = 0
    for name, data in content.items():
        if name.endswith(".png"):
            size += len(png_bytes(np.asarray(Image.open(BytesIO(data)))))
        else:
            size += len(zlib.compress(data, 1))
    return size


def main() -> None:
    """Measure a slide of some two hundred cells, or a larger one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=1024, help="of the synthetic slide, px")
    side_px = parser.parse_args().side
    report("compression alone over crops.zip", ">= 0.67 of the time", **against_compression(side_px=side_px))


if __name__ == "__main__":
    main()
