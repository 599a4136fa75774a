"""Pictures of cells to be labelled: each with what is around it, cut by its own size, drawn once."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from cellapp.cells.crop import crop
from cellapp.rendering.annotations import draw_outlines
from cellapp.rendering.composition import Composition
from cellapp.settings import CropMode, CropSettings
from cellapp.store.records import ImageRecord
from cellapp.types.cells import LabelMask
from cellapp.ui.components.channel_controls import composition
from cellapp.ui.components.scale_bar import ScaleBar, bar_of
from cellapp.ui.layout.cell_thumbnails import labels_of, window_side_px
from cellapp.ui.session import cache
from cellapp.viewer.offered_pictures import offer

ZOOM = 2.2
"""The tile shows a window of so many times the cell, the card that window's neighbourhood, `ZOOM` times as wide."""

_MAX_PX, _MIN_PX = 360, 24
_SIDES_PX = (8, 1024)  # that a window may have
_STEP = 1.2  # windows come in steps, so that cells of like size are cut in one go
_KEPT = 1_500  # pictures of one image
_DIMMED = 0.7
_OUTLINE = "#FFFFFF"


class Picture(NamedTuple):
    """A cell with what is around it."""

    uri: str  # address of an `img` tag
    bar: ScaleBar  # of the part that a tile shows


def pictures(
    folder: Path, image: ImageRecord, cells: pd.DataFrame, *, scale_of: pd.DataFrame | None
) -> dict[int, Picture]:
    """Return a picture of each of some cells of an image, by cell id.

    Parameters
    ----------
    folder : Path
        Of the image in its run.
    image : ImageRecord
    cells : DataFrame
        With `cell_id` and the bounding box.
    scale_of : DataFrame, optional
        Cells whose sizes decide one window for all; each has one of its own size when left out.
    """
    shown = composition(image, cache.overview(image))
    labels = folder / "labels.tif"
    kept = _pictures_of(str(folder), labels.stat().st_mtime_ns if labels.exists() else 0, shown, image.um_per_px)
    common = None if scale_of is None else min(round(window_side_px(scale_of) * ZOOM), _SIDES_PX[1])
    sides = dict(zip(cells["cell_id"].astype(int), _sides(cells, common), strict=True))
    missing = [cell_id for cell_id, side in sides.items() if (cell_id, side) not in kept]
    if len(kept) > _KEPT:
        kept.clear()
        missing = list(sides)
    table = cells.set_index("cell_id")
    for side in sorted({sides[cell_id] for cell_id in missing}):
        ids = [cell_id for cell_id in missing if sides[cell_id] == side]
        for cell_id, drawn in zip(ids, _draw(folder, image, shown, table.loc[ids], side), strict=True):
            kept[cell_id, side] = drawn
    return {
        cell_id: Picture(offer(kept[cell_id, side]), bar_of(side / ZOOM, image.um_per_px))
        for cell_id, side in sides.items()
    }


def window_sides(cells: pd.DataFrame) -> list[int]:
    """Return the side of the window with the neighbourhood of each cell, in pixels of the slide, in coarse steps."""
    height = (cells["bbox_y1_px"] - cells["bbox_y0_px"]).to_numpy(float)
    width = (cells["bbox_x1_px"] - cells["bbox_x0_px"]).to_numpy(float)
    wanted = np.maximum(np.maximum(height, width), _MIN_PX / ZOOM)
    steps = np.ceil(np.log(wanted) / np.log(_STEP) - 1e-9)
    return np.clip(np.round(_STEP**steps * ZOOM * ZOOM), *_SIDES_PX).astype(int).tolist()


def _sides(cells: pd.DataFrame, common: int | None) -> list[int]:
    return window_sides(cells) if common is None else [common] * len(cells)


def _draw(folder: Path, image: ImageRecord, shown: Composition, cells: pd.DataFrame, side_px: int) -> Sequence[bytes]:
    settings = CropSettings(mode=CropMode.WINDOW, size_px=side_px)
    mask = LabelMask(labels_of(folder), "")
    crops = crop(cache.slide(image), mask, cells, settings, channels=image.channels, with_inside=True)
    return [_encoded(shown.draw(pixels), inside) for pixels, inside in zip(crops.pixels, crops.inside, strict=True)]


def _encoded(pixels: np.ndarray, inside: np.ndarray) -> bytes:
    """Encode a picture with the cell outlined and all else a little darker."""
    dimmed = np.where(inside[..., None], pixels, (pixels * _DIMMED).astype(np.uint8))
    drawn = Image.fromarray(draw_outlines(dimmed, inside.astype(np.int32), _OUTLINE))
    drawn.thumbnail((_MAX_PX, _MAX_PX))
    buffer = io.BytesIO()
    drawn.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


@st.cache_resource(max_entries=8, show_spinner=False)
def _pictures_of(
    folder: str, mtime_ns: int, shown: Composition, um_per_px: float | None
) -> dict[tuple[int, int], bytes]:
    return {}
