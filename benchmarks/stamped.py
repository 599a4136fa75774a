"""As many cells as wanted, cheaply: a few dozen shapes stamped on a grid, one cell in each square, and their table."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from cellapp.cells.shape import BOX_COLUMNS

CLASSES = ("cancer", "normal")
PITCH_PX, RADIUS_PX, N_SHAPES = 25, 10, 36


@cache
def shapes() -> np.ndarray:
    """Return irregular cells in the middle of their square, (shape, Y, X) bool; of four, three are hard to outline."""
    rng, (y, x) = np.random.default_rng(0), np.mgrid[:PITCH_PX, :PITCH_PX] - PITCH_PX // 2
    made = []
    for kind in range(N_SHAPES):
        turns = np.arctan2(y, x)[..., None] + rng.uniform(0, 2 * np.pi, 2)
        inside = np.hypot(y, x) < RADIUS_PX * (1 + np.cos(turns * (2, 5)) @ (0.12, 0.07))
        if kind % 4 == 1:  # a hole
            inside &= np.hypot(y - 2, x + 1) > 3
        if kind % 4 == 2:  # a notch
            inside &= (abs(x) > 1) | (y > 0)
        if kind % 4 == 3:  # an island
            inside[:2, :3] = True
        made.append(inside)
    return np.stack(made)


def shape_of(cell_id: int) -> np.ndarray:
    """Return the square of a cell, (Y, X) bool."""
    return shapes()[(cell_id - 1) % N_SHAPES]


def corner_of(cell_id: int, n: int) -> tuple[int, int]:
    """Return x, y of the upper left corner of that square, of `n` cells."""
    row, column = divmod(cell_id - 1, _per_row(n))
    return column * PITCH_PX, row * PITCH_PX


def size_of(n: int) -> tuple[int, int]:
    """Return (Y, X) of the label image of `n` cells."""
    return math.ceil(n / _per_row(n)) * PITCH_PX, _per_row(n) * PITCH_PX


def write_labels(path: Path, n: int) -> None:
    """Write the label image of cells 1 to `n` as raw int32, a row of cells at a time."""
    with path.open("wb") as file:
        for first in range(0, n, _per_row(n)):
            index = np.arange(first, first + _per_row(n))
            ids = np.where(index < n, index + 1, 0).astype(np.int32)
            squares = shapes()[index % N_SHAPES] * ids[:, None, None]
            squares.transpose(1, 0, 2).tofile(file)


def cell_table(n: int) -> pd.DataFrame:
    """Return the columns of a cell table that outlines are written from, of the types an analysis gives them."""
    index, rng = np.arange(n), np.random.default_rng(2)
    at = PITCH_PX * np.stack(np.divmod(index, _per_row(n)), axis=1)
    extents = np.array([_extent(inside) for inside in shapes()])[index % N_SHAPES] + np.tile(at, 2)
    area = shapes().sum((1, 2)).astype(np.float64)[index % N_SHAPES]
    passed = rng.random(n) < 0.9
    p = np.where(passed, rng.random(n), np.nan)
    margin, texts = abs(2 * p - 1), np.array([*CLASSES, "", "touches the image border"], dtype=object)
    columns = {
        **dict(zip(BOX_COLUMNS, extents.T, strict=True)),
        "area_px": area,
        "area_um2": area / 4,
        "qc_pass": passed,
        "qc_reason": texts[np.where(passed, 2, 3)],
        "label": texts[np.where(passed, p < 0.5, 2)],
        "p_cancer": p,
        "p_normal": 1 - p,
        "margin": margin,
        "unsure": margin < 0.1,
        "manual_label": texts[np.where(rng.random(n) < 0.01, 0, 2)],
    }
    return pd.DataFrame(columns, index=pd.Index(index + 1, name="cell_id", dtype=np.int32))


def _extent(inside: np.ndarray) -> tuple[int, int, int, int]:
    y, x = np.nonzero(inside)
    return y.min(), x.min(), y.max() + 1, x.max() + 1


def _per_row(n: int) -> int:
    return math.ceil(math.sqrt(n))
