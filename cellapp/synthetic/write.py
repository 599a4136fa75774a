"""Write a synthetic slide of any size with its truth, tile by tile."""

from __future__ import annotations

import struct
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tifffile

from cellapp.config import app_settings
from cellapp.errors import InputError
from cellapp.files import move_into_place
from cellapp.images.limits import check_limit
from cellapp.synthetic.field import CLASSES, render_with_cause
from cellapp.synthetic.layout import place_cells
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types.image import OnStep, Region

TILE = 512
RENDER_PX = 1024  # side of the squares rendered at a time; cells on an edge are rendered for each of them
SLIDE, LABELS, CELLS, CAUSE = "demo.tif", "truth_labels.tif", "truth_cells.csv", "truth_cause.tif"
TRUTH_NOTE = "cellapp truth labels"
"""ImageDescription of truth_labels.tif, by which it is distinguished from an image."""


@dataclass(frozen=True)
class DemoFiles:
    """Where a synthetic slide and its truth were written."""

    slide: Path  # OME-TIFF (C, Y, X)
    labels: Path  # TIFF (Y, X) uint32
    cells: Path  # CSV, one row per cell
    cause: Path | None = None  # TIFF (Y, X) uint32, the labels where the classes differ; where a part is named


def write_demo(out: Path, settings: SyntheticSettings | None = None, on_step: OnStep | None = None) -> DemoFiles:
    """Write demo.tif, truth_labels.tif and truth_cells.csv, and truth_cause.tif where a part alone tells the classes.

    Memory does not grow with the slide but for a few numbers per cell; pixels wait uncompressed in a temporary file
    inside `out` because TIFF wants one channel after the other.

    Parameters
    ----------
    out : Path
        Folder, made when missing; files of these names in it are replaced.
    settings : SyntheticSettings, optional
    on_step : callable, optional
        Progress by tiles; may raise `Cancelled`, which leaves nothing behind.

    Returns
    -------
    DemoFiles

    Raises
    ------
    InputError
        When `out` is a file, or the slide would be larger than those that can be opened.
    """
    settings = settings or SyntheticSettings()
    _check_size(settings)
    if out.exists() and not out.is_dir():
        raise InputError(f"--out must be a folder; {out.name!r} is a file: give another name")
    out.mkdir(parents=True, exist_ok=True)
    cause = out / CAUSE if settings.differ_by != "all" else None
    files = DemoFiles(out / SLIDE, out / LABELS, out / CELLS, cause)
    with tempfile.TemporaryDirectory(dir=out, prefix=".demo-") as folder:
        scratch = Path(folder)
        sums = _render(settings, scratch, on_step or (lambda step, fraction: None))
        _write_image(scratch / SLIDE, scratch / "pixels.raw", settings)
        _write_labels(scratch / LABELS, scratch / "labels.raw", settings)
        if cause is not None:
            _write_labels(scratch / CAUSE, scratch / "cause.raw", settings)
        _truth_table(settings, sums).to_csv(scratch / CELLS, index=False)
        (out / CAUSE).unlink(missing_ok=True)  # of a slide that was here before
        for target in filter(None, vars(files).values()):
            move_into_place(scratch / target.name, target)
    return files


def _check_size(settings: SyntheticSettings) -> None:
    """Raise BudgetError where a slide would be larger than an image may be."""
    pixels, budget = settings.height * settings.width, app_settings().budget
    n_bytes = pixels * settings.n_channels * np.dtype(settings.dtype).itemsize
    what = f"a slide of {settings.height:,} x {settings.width:,} pixels has"
    check_limit(pixels, "max_pixels", budget, f"{what} {pixels:,} pixels")
    check_limit(n_bytes, "max_bytes", budget, f"{what} {n_bytes:,} bytes")


def is_truth(path: Path) -> bool:
    """Return whether a file is the true label image of a synthetic slide.

    Parameters
    ----------
    path : Path
        Any file; False for one that is no readable TIFF.
    """
    try:
        with tifffile.TiffFile(path) as tiff:
            return tiff.pages.first.description == TRUTH_NOTE
    except (tifffile.TiffFileError, struct.error, OSError, IndexError, ValueError):
        return False


def _tiles(settings: SyntheticSettings, side: int = TILE) -> Iterator[Region]:
    for y in range(0, settings.height, side):
        for x in range(0, settings.width, side):
            yield Region(y, x, min(side, settings.height - y), min(side, settings.width - x))


def _render(settings: SyntheticSettings, scratch: Path, on_step: OnStep) -> pd.DataFrame:
    """Render the slide into raw files; return area and sums of rows and columns of each cell, indexed by cell_id."""
    size = (settings.height, settings.width)
    sums, tiles = [], list(_tiles(settings, RENDER_PX))
    for n_done, tile in enumerate(tiles):
        on_step("Drawing cells", n_done / len(tiles))
        pixels, labels, cause = render_with_cause(settings, tile)
        # Mapped for each tile alone: unmapped pages do not count as memory of this process.
        _raw(scratch / "pixels.raw", settings.dtype, (settings.n_channels, *size))[(slice(None), *tile.slices)] = pixels
        _raw(scratch / "labels.raw", "uint32", size)[tile.slices] = labels
        if settings.differ_by != "all":
            _raw(scratch / "cause.raw", "uint32", size)[tile.slices] = labels * cause
        sums.append(_sums(labels, tile))
    return pd.concat(sums).groupby(level=0).sum()


def _raw(path: Path, dtype: str, shape: tuple[int, ...]) -> np.memmap:
    return np.memmap(path, dtype=dtype, mode="r+" if path.exists() else "w+", shape=shape)


def _sums(labels: np.ndarray, tile: Region) -> pd.DataFrame:
    y, x = np.nonzero(labels)
    rows = {"cell_id": labels[y, x].astype(np.int64), "area_px": 1, "y": y + tile.y, "x": x + tile.x}
    return pd.DataFrame(rows).groupby("cell_id").sum()


def _write_image(path: Path, raw: Path, settings: SyntheticSettings) -> None:
    shape = (settings.n_channels, settings.height, settings.width)
    tiles = (
        _padded(_raw(raw, settings.dtype, shape)[(c, *tile.slices)])
        for c in range(settings.n_channels)
        for tile in _tiles(settings)
    )
    metadata = _ome_metadata(settings)
    _write_tiles(path, tiles, shape, settings.dtype, ome=True, predictor=True, metadata=metadata)


def _ome_metadata(settings: SyntheticSettings) -> dict[str, Any]:
    return {
        "axes": "CYX",
        # From the settings instead of the clock: equal settings give equal bytes.
        "UUID": str(uuid.uuid5(uuid.NAMESPACE_OID, settings.model_dump_json())),
        "Channel": {"Name": list(settings.channels)},
        "PhysicalSizeX": settings.um_per_px,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": settings.um_per_px,
        "PhysicalSizeYUnit": "µm",
    }


def _write_labels(path: Path, raw: Path, settings: SyntheticSettings) -> None:
    shape = (settings.height, settings.width)
    tiles = (_padded(_raw(raw, "uint32", shape)[tile.slices]) for tile in _tiles(settings))
    _write_tiles(path, tiles, shape, "uint32", description=TRUTH_NOTE, metadata=None)


def _write_tiles(
    path: Path, tiles: Iterator[np.ndarray], shape: tuple[int, ...], dtype: str, *, ome: bool | None = None, **how: Any
) -> None:
    with tifffile.TiffWriter(path, ome=ome, bigtiff=_is_big(shape, dtype)) as tiff:
        layout = {"tile": (TILE, TILE), "photometric": "minisblack", "compression": "zlib"}
        tiff.write(tiles, shape=shape, dtype=dtype, **layout, **how)


def _is_big(shape: tuple[int, ...], dtype: str) -> bool:
    """Return whether offsets might not fit 32 bits; half of the limit leaves room for data that do not compress."""
    return np.prod(shape, dtype=np.int64) * np.dtype(dtype).itemsize > 2**31


def _padded(tile: np.ndarray) -> np.ndarray:
    return np.pad(tile, [(0, TILE - tile.shape[0]), (0, TILE - tile.shape[1])])


def _truth_table(settings: SyntheticSettings, sums: pd.DataFrame) -> pd.DataFrame:
    whole = Region(0, 0, settings.height, settings.width)
    classes = {cell.cell_id: CLASSES[cell.cancer] for cell in place_cells(settings, whole)}
    return pd.DataFrame(
        {
            "cell_id": sums.index,
            "centroid_y_px": (sums["y"] / sums["area_px"]).round(3).to_numpy(),
            "centroid_x_px": (sums["x"] / sums["area_px"]).round(3).to_numpy(),
            "class": [classes[cell_id] for cell_id in sums.index],
            "area_px": sums["area_px"].to_numpy(),
        }
    )
