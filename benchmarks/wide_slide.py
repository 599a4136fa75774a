"""A slide as wide as wanted, cheaply: one rendered block, turned and shifted, with the cells that lie in it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

from cellapp.cells.measure import measure
from cellapp.cells.quality import assess
from cellapp.classification.cell_columns import add_predictions
from cellapp.exports.embeddings import write_embeddings
from cellapp.exports.run_json import write_run
from cellapp.exports.tables import summary_row, write_cells, write_summary
from cellapp.settings import AnalyseSettings, QualitySettings
from cellapp.store import cells as cell_store
from cellapp.store import projects, runs, uploads
from cellapp.store.records import ImageRecord, RunRecord
from cellapp.synthetic.field import render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types.cells import Analysis, Embeddings, LabelMask, Predictions
from cellapp.types.image import Role

BLOCK_PX = 512
SHAPE = (5594, 22656)
UM_PER_PX = 0.5
N_FEATURES = 192


def seed_image(
    folder: Path, shape: tuple[int, int] = SHAPE, n_channels: int = 4, um_per_px: float = UM_PER_PX
) -> ImageRecord:
    """Write a slide and put it into the default project of the store; a pixel twice as wide gives 4 times the cells."""
    path = write_image(folder / "wide.ome.tif", shape, n_channels, um_per_px)
    return uploads.add_image(projects.default_project().id, path, path.name)


def write_image(path: Path, shape: tuple[int, int] = SHAPE, n_channels: int = 4, um_per_px: float = UM_PER_PX) -> Path:
    """Write a slide as an 8-bit tiled TIFF without smaller levels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels, _ = _block(um_per_px)
    planes = (pixels[i % len(pixels)] for i in range(n_channels))
    tiles = (_cut(plane, shape, box) for plane in planes for box in _boxes(shape))
    metadata = {"axes": "CYX", "PhysicalSizeX": um_per_px, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": um_per_px}
    _write(path, tiles, (n_channels, *shape), np.uint8, metadata)
    return path


def seed_run(image: ImageRecord, *, head: str | None = None) -> RunRecord:
    """Store a finished run with the cells of `seed_image`: all files but pictures and outlines.

    Parameters
    ----------
    image : ImageRecord
    head : str, optional
        Whose calls they seem to be: probabilities and vectors are drawn. None counts only.
    """
    settings = AnalyseSettings.model_validate({"classify": {"head": head}})
    run = runs.create_run(image.project_id, [image.id], settings)
    folder = runs.run_folder(run.id) / run.images[0].stem
    folder.mkdir()
    table = _write_cells(image.info.shape[1:], folder, image.um_per_px or UM_PER_PX)
    if head:
        table = _call(table, folder)
    found = Analysis(
        name=folder.name,
        info=image.info,
        digest=image.digest,
        roles=(Role.OTHER,) * image.info.shape[0],
        mask=LabelMask(np.zeros((1, 1), np.int32), "drawn"),
        cells=table,
        confluency=0.3,
        provenance={"head": head, "encoder": "drawn", "calibrated": True} if head else {},
    )
    row = summary_row(found, 1.0)
    write_cells(table, folder / "cells.parquet")
    write_run(found, settings, row, folder / "run.json")
    write_summary([row], folder.parent)
    cell_store.save_cells(run.id, image.id, table)
    runs.set_image_status(run.id, image.id, "done", n_cells=len(table), summary=row)
    return runs.finish_run(run.id)


def shape_for(n_cells: int, um_per_px: float = UM_PER_PX) -> tuple[int, int]:
    """Return the (Y, X) of a nearly square slide with at least so many cells."""
    n_blocks = math.ceil(n_cells / int(_block(um_per_px)[1].max()))
    rows = math.isqrt(n_blocks)
    return rows * BLOCK_PX, math.ceil(n_blocks / rows) * BLOCK_PX


def _write_cells(shape: tuple[int, int], folder: Path, um_per_px: float) -> pd.DataFrame:
    """Write the label image and return the table of its cells, with every column a run measures."""
    _, labels = _block(um_per_px)
    boxes = _boxes(shape)
    inner = [(y, x) for y, x in boxes if y + BLOCK_PX <= shape[0] and x + BLOCK_PX <= shape[1]]
    first = {place: k * int(labels.max()) for k, place in enumerate(inner)}
    empty = np.zeros((BLOCK_PX, BLOCK_PX), np.uint32)
    tiles = (np.where(labels > 0, labels + first[box], 0).astype(np.uint32) if box in first else empty for box in boxes)
    _write(folder / "labels.tif", tiles, shape, np.uint32, {"axes": "YX"})
    return pd.concat([_moved(first[box], box, um_per_px) for box in inner])


def _call(table: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Add calls drawn at random, and write vectors that follow them."""
    draw = np.random.default_rng(0)
    ids, p = table.index.to_numpy(np.int32), draw.uniform(0, 1, len(table))
    vectors = (p[:, None] + draw.normal(0, 0.3, (len(p), N_FEATURES))).astype(np.float32)
    write_embeddings(Embeddings(vectors, vectors, ids, "drawn"), folder / "embeddings.npz")
    unsure, unlike = np.abs(2 * p - 1) < 0.2, p > 0.99
    said = Predictions(np.column_stack([p, 1 - p]), ("cancer", "normal"), ids, unsure, unlike, "drawn", True)
    return add_predictions(table, said)


@cache
def _block(um_per_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (C, Y, X) uint8 pixels and the labels of the cells that lie wholly inside, numbered from 1."""
    pixels, truth, _ = render_field(SyntheticSettings(height=BLOCK_PX, width=BLOCK_PX, seed=3, um_per_px=um_per_px))
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


@cache
def _measured(um_per_px: float) -> pd.DataFrame:
    pixels, labels = _block(um_per_px)
    mask = LabelMask(labels, "drawn")
    table = measure(pixels, mask, channels=("actin", "cytoplasm", "nucleus"), um_per_px=um_per_px)
    return assess(table, mask, pixels, QualitySettings(border=False))


def _moved(first: int, box: tuple[int, int], um_per_px: float) -> pd.DataFrame:
    """Return the block's table for the place (y, x) it was put to, ids from `first` + 1."""
    table = _measured(um_per_px).copy()
    table.index = table.index + np.int32(first)
    for name in table.columns[table.columns.str.contains("_[yx][01]?_px$")]:
        table[name] += box["x" in name.split("_")[1]]
    return table


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
