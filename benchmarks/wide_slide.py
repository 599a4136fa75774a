"""A slide as wide as wanted, cheaply: one rendered block, turned and shifted, with the cells that lie in it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
from scipy import ndimage

from cellapp.exports.tables import write_cells
from cellapp.settings import AnalyseSettings
from cellapp.store import cells as cell_store
from cellapp.store import images, projects, runs
from cellapp.store.records import ImageRecord, RunRecord
from cellapp.synthetic.field import render_field
from cellapp.synthetic.settings import SyntheticSettings

BLOCK_PX = 512
SHAPE = (5594, 22656)


def seed_image(folder: Path, shape: tuple[int, int] = SHAPE, n_channels: int = 4) -> ImageRecord:
    """Write an 8-bit tiled TIFF without smaller levels and put it into the default project of the store in force."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "wide.ome.tif"
    pixels, _ = _block()
    planes = (pixels[i % len(pixels)] for i in range(n_channels))
    tiles = (_cut(plane, shape, box) for plane in planes for box in _boxes(shape))
    metadata = {"axes": "CYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.5}
    _write(path, tiles, (n_channels, *shape), np.uint8, metadata)
    return images.add_image(projects.default_project().id, path, path.name)


def seed_run(image: ImageRecord) -> RunRecord:
    """Write down a finished run that counted the cells of `seed_image`: label image, table, rows of the store."""
    shape = image.info.shape[1:]
    _, labels = _block()
    boxes = _boxes(shape)
    inner = [(y, x) for y, x in boxes if y + BLOCK_PX <= shape[0] and x + BLOCK_PX <= shape[1]]
    n = int(labels.max())
    first = {place: k * n for k, place in enumerate(inner)}
    run = runs.create_run(image.project_id, [image.id], AnalyseSettings.model_validate({"classify": {"head": None}}))
    folder = runs.run_folder(run.id) / run.images[0].stem
    folder.mkdir()
    empty = np.zeros((BLOCK_PX, BLOCK_PX), np.uint32)
    tiles = (np.where(labels > 0, labels + first[box], 0).astype(np.uint32) if box in first else empty for box in boxes)
    _write(folder / "labels.tif", tiles, shape, np.uint32, {"axes": "YX"})
    table = pd.concat([_table(labels, first[box], box) for box in inner])
    write_cells(table, folder / "cells.parquet")
    cell_store.save_cells(run.id, image.id, table)
    runs.set_image_status(run.id, image.id, "done", n_cells=len(table))
    return runs.finish_run(run.id)


@cache
def _block() -> tuple[np.ndarray, np.ndarray]:
    """Return (C, Y, X) uint8 pixels and the labels of the cells that lie wholly inside, numbered from 1."""
    pixels, truth, _ = render_field(SyntheticSettings(height=BLOCK_PX, width=BLOCK_PX, seed=3))
    edge = np.unique(np.concatenate([truth[0], truth[-1], truth[:, 0], truth[:, -1]]))
    kept = np.setdiff1d(np.unique(truth), [*edge, 0])
    number = np.zeros(int(truth.max()) + 1, np.int32)
    number[kept] = np.arange(1, len(kept) + 1)
    bright = pixels.max(axis=(1, 2), keepdims=True)
    return (pixels / bright * 255).astype(np.uint8), number[truth]


def _boxes(shape: tuple[int, int]) -> list[tuple[int, int]]:
    return [(y, x) for y in range(0, shape[0], BLOCK_PX) for x in range(0, shape[1], BLOCK_PX)]


def _cut(plane: np.ndarray, shape: tuple[int, int], box: tuple[int, int]) -> np.ndarray:
    """Return one tile, zero beyond the image's edge."""
    tile = np.zeros_like(plane)
    height, width = min(BLOCK_PX, shape[0] - box[0]), min(BLOCK_PX, shape[1] - box[1])
    tile[:height, :width] = plane[:height, :width]
    return tile


def _table(labels: np.ndarray, first: int, box: tuple[int, int]) -> pd.DataFrame:
    found = ndimage.find_objects(labels)
    ids = np.arange(1, len(found) + 1)
    middle = np.array(ndimage.center_of_mass(labels > 0, labels, ids)).reshape(-1, 2) + box
    area = np.bincount(labels.ravel(), minlength=len(ids) + 1)[1:].astype(float)
    ends = np.array([[s[0].start, s[1].start, s[0].stop, s[1].stop] for s in found]) + np.tile(box, 2)
    sides = ("bbox_y0_px", "bbox_x0_px", "bbox_y1_px", "bbox_x1_px")
    return pd.DataFrame(
        {
            "centroid_y_px": middle[:, 0],
            "centroid_x_px": middle[:, 1],
            **{name: ends[:, k] for k, name in enumerate(sides)},
            "area_px": area,
            "area_um2": area / 4,
            "qc_pass": True,
            "qc_reason": "",
        },
        index=pd.Index(ids + first, name="cell_id", dtype="int32"),
    )


def _write(path: Path, tiles: Iterator[np.ndarray], shape: tuple[int, ...], dtype: type, metadata: dict) -> None:
    tifffile.imwrite(
        path,
        tiles,
        shape=shape,
        dtype=dtype,
        ome=True,
        tile=(BLOCK_PX, BLOCK_PX),
        compression="zlib",
        compressionargs={"level": 1},
        photometric="minisblack",
        metadata=metadata,
    )
