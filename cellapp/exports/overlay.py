"""overlay.png: every cell outlined by what it counts as, with letters and a legend."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cellapp.cells.counts import outcome
from cellapp.files import atomic_write
from cellapp.rendering.annotations import class_letters, draw_outlines, legend, mark
from cellapp.rendering.colours import class_colour
from cellapp.rendering.composition import ImageStyle
from cellapp.rendering.png import png_bytes
from cellapp.types.cells import LabelMask

LETTER_PX = 14
"""Cells at least this high in the picture carry their letter."""


def write_overlay(
    style: ImageStyle, mask: LabelMask, cells: pd.DataFrame, path: Path, *, classes: Sequence[str] = ()
) -> Path:
    """Draw outlines in class colours over the display style.

    Parameters
    ----------
    style : ImageStyle
        Of the image the labels belong to.
    mask : LabelMask
    cells : DataFrame
        Cell table with boxes and `qc_pass`.
    path : Path
    classes : sequence of str
        All classes of the head, which decide colours and letters.

    Returns
    -------
    Path
        A PNG of the overview's size plus a legend strip with the number of cells of each kind.
    """
    with atomic_write(path) as part:
        part.write_bytes(png_bytes(draw_overlay(style, mask, cells, classes)))
    return path


def draw_overlay(style: ImageStyle, mask: LabelMask, cells: pd.DataFrame, classes: Sequence[str]) -> np.ndarray:
    """Return the picture of `write_overlay`, (y + legend, x, 3) uint8."""
    counted_as = outcome(cells)
    names = list(dict.fromkeys([*classes, *sorted(counted_as.unique())]))
    colours = {name: class_colour(name, tuple(names)) for name in names}
    letters = class_letters(names)
    labels = _at_scale(mask.labels, style.overview.shape[:2], style.scale)
    picture = draw_outlines(style.overview, labels, {i: colours[name] for i, name in counted_as.items()})
    marks = [
        (x * style.scale, y * style.scale, letters[name])
        for name, y, x in zip(counted_as, cells["centroid_y_px"], cells["centroid_x_px"], strict=True)
    ]
    high = (cells["bbox_y1_px"] - cells["bbox_y0_px"]) * style.scale >= LETTER_PX
    picture = mark(picture, [m for m, shown in zip(marks, high, strict=True) if shown])
    n_of = counted_as.value_counts()
    entries = [(letters[name], f"{name} {n_of.get(name, 0):,}", colours[name]) for name in names]
    return np.concatenate([picture, legend(picture.shape[1], entries or [("", "no cells", "#FFFFFF")])])


def _at_scale(labels: np.ndarray, shape: tuple[int, int], scale: float) -> np.ndarray:
    """Take the label at each overview pixel; ids are never mixed."""
    rows, columns = (
        np.minimum((np.arange(n) / scale).astype(np.int64), full - 1)
        for n, full in zip(shape, labels.shape, strict=True)
    )
    return labels[np.ix_(rows, columns)]
