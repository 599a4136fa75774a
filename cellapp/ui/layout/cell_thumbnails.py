"""Small pictures of cells with their outlines, cached by what determines them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st
from PIL import Image

from cellapp.cells.crop import crop
from cellapp.exports.image_folder import NUCLEI
from cellapp.rendering.annotations import draw_outlines
from cellapp.rendering.composition import Composition
from cellapp.segmentation.label_image import LazyLabels
from cellapp.settings import CropMode, CropSettings
from cellapp.store.records import ImageRecord
from cellapp.types.cells import LabelMask
from cellapp.ui.components.channel_controls import composition
from cellapp.ui.session import cache
from cellapp.viewer.label_tiles import open_labels
from cellapp.viewer.offered_pictures import offer

TILE_PX = 208  # twice the width on the page, for sharp screens
_SIDE_PX = (32, 512)


def labels_of(folder: Path) -> LazyLabels:
    """Return the label image of one image of a run; only the parts that are indexed are read."""
    return open_labels(folder / "labels.tif")


def nuclei_of(folder: Path) -> LazyLabels | None:
    """Return the nuclei of one image of a run, as `labels_of`; None where none were looked for yet."""
    return open_labels(folder / NUCLEI) if (folder / NUCLEI).exists() else None


def cell_uris(
    folder: Path, image: ImageRecord, cells: pd.DataFrame, colours: Sequence[str], *, side_px: int
) -> dict[int, str]:
    """Cut a few dozen cells out of one image and return the addresses of pictures of them with their outline.

    Parameters
    ----------
    folder : Path
        Of the image in its run.
    image : ImageRecord
    cells : DataFrame
        Rows of the image's table with `cell_id` and the bounding box.
    colours : sequence of str
        Of the outline, in the order of `cells`.
    side_px : int
        Side of the window in slide pixels, the same for all so that sizes compare.
    """
    ids = tuple(cells["cell_id"].astype(int))
    shown = composition(image, cache.overview(image))
    mtime_ns = _mtime_ns(folder / "labels.tif")
    made = _pictures(str(folder), mtime_ns, ids, tuple(colours), side_px, shown, image, cells)
    return dict(zip(ids, map(offer, made), strict=True))


def window_side_px(cells: pd.DataFrame) -> int:
    """Return a window side in pixels into which nearly every cell of a run fits with some room."""
    if cells.empty:
        return _SIDE_PX[0]
    height = cells["bbox_y1_px"] - cells["bbox_y0_px"]
    width = cells["bbox_x1_px"] - cells["bbox_x0_px"]
    return int(np.clip(1.3 * np.maximum(height, width).quantile(0.95), *_SIDE_PX))


def encoded(pixels: np.ndarray, *, at_most_px: int = TILE_PX) -> bytes:
    """Encode (Y, X, 3) uint8 as PNG for `cellapp.viewer.offered_pictures.offer`."""
    drawn = Image.fromarray(pixels)
    drawn.thumbnail((at_most_px, at_most_px))
    buffer = io.BytesIO()
    drawn.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _mtime_ns(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


@st.cache_resource(max_entries=256, show_spinner=False)
def _pictures(
    folder: str,
    mtime_ns: int,
    ids: tuple[int, ...],
    colours: tuple[str, ...],
    side_px: int,
    shown: Composition,
    _image: ImageRecord,
    _cells: pd.DataFrame,
) -> list[bytes]:
    crops = crop(
        cache.slide(_image),
        LabelMask(labels_of(Path(folder)), ""),
        _cells.set_index("cell_id"),
        CropSettings(mode=CropMode.WINDOW, size_px=side_px),
        channels=_image.channels,
        with_inside=True,
    )
    return [
        encoded(draw_outlines(shown.draw(pixels), inside.astype(np.int32), colour))
        for pixels, inside, colour in zip(crops.pixels, crops.inside, colours, strict=True)
    ]
