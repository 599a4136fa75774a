"""The one place where an image is put on a page with pan, zoom and layers."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image

from cellapp.images.display import draw_outlines
from cellapp.types import Region
from cellapp.ui import layers
from cellapp.ui.layers import Layer


@dataclass(frozen=True)
class Picked:
    """What the visitor marked on the image."""

    cell_ids: tuple[int, ...] = ()
    region: Region | None = None


def picture(pixels: np.ndarray, region: Region) -> Layer:
    """Encode a rendering, (Y, X, 3) uint8, opaque; `region` is the part of the slide it shows."""
    return Layer(_uri(Image.fromarray(pixels)), region)


def outlines(labels: np.ndarray, region: Region, colours: Mapping[int, str] | str) -> Layer:
    """Draw the outlines of `labels`, (Y, X) integers, on a transparent ground.

    Parameters
    ----------
    labels : ndarray of shape (Y, X)
    region : Region
        The part of the slide that `labels` covers.
    colours : mapping of cell id to "#RRGGBB", or one colour for all
    """
    drawn = draw_outlines(np.zeros((*labels.shape, 3), np.uint8), labels, colours)
    alpha = np.where(drawn.any(axis=2), 255, 0).astype(np.uint8)
    return Layer(_uri(Image.fromarray(np.dstack([drawn, alpha]))), region)


def show_image(
    base: Layer,
    *,
    key: str,
    alt: str,
    overlay: Layer | None = None,
    opacity: float = 1.0,
    um_per_px: float | None = None,
    cells: Mapping[int, tuple[float, float]] | None = None,
    rectangle: Region | None = None,
    circle_px: float | None = None,
    pick: Sequence[str] = (),
    on_pick: Callable[[Picked], None] | None = None,
    height: int = 560,
) -> Picked:
    """Show an image with pan and zoom and return what was marked on it.

    Parameters
    ----------
    base : Layer
        From `picture`.
    key : str
        Widget key.
    alt : str
        What the image shows, for those who cannot see it.
    overlay : Layer, optional
        From `outlines`, drawn at `opacity` (0 to 1).
    um_per_px : float, optional
        Makes the scale bar one in micrometres.
    cells : mapping of cell id to (y, x), optional
        Centroids in full-resolution pixels, for picking and for hover.
    rectangle : Region, optional
        Outlined, such as the region a preview covers.
    circle_px : float, optional
        Diameter of a circle drawn for scale in the upper left corner.
    pick : sequence of "points", "box", "lasso"
        What may be marked; empty shows only.
    on_pick : callable, optional
        Told once of each new mark, before the page is drawn again; without it the page is just drawn again.
    height : int
        Height on the page in pixels.

    Returns
    -------
    Picked
        Cell ids under points, box or lasso, and the last box in full-resolution pixels.
    """
    dragmode = "select" if "box" in pick and not cells else "pan"
    figure = layers.empty_figure(base.region, height=height, dragmode=dragmode)
    layers.add_picture(figure, base)
    if overlay is not None:
        layers.add_picture(figure, overlay, opacity)
    layers.add_cells(figure, cells or {})
    layers.add_scale_bar(figure, base.region, um_per_px)
    if rectangle is not None:
        layers.add_rectangle(figure, rectangle)
    if circle_px:
        layers.add_circle(figure, base.region, circle_px)
    config = {"scrollZoom": True, "displaylogo": False, "modeBarButtonsToRemove": ["autoScale2d"]}
    if not pick:
        st.plotly_chart(figure, key=key, config=config, theme=None, alt=alt)
        return Picked()

    def tell() -> None:
        on_pick(picked(st.session_state[key]["selection"]))

    event = st.plotly_chart(
        figure,
        key=key,
        config=config,
        theme=None,
        on_select=tell if on_pick else "rerun",
        selection_mode=tuple(pick),
        alt=alt,
    )
    return picked(event["selection"])


def picked(selection: Mapping[str, Sequence[Mapping[str, object]]]) -> Picked:
    """Translate a Plotly selection into cells and a region."""
    ids = tuple(
        int(point["customdata"])
        for point in selection.get("points", ())
        if isinstance(point.get("customdata"), int | float)
    )
    boxes = selection.get("box", ())
    if not boxes:
        return Picked(ids)
    (x0, x1), (y0, y1) = sorted(boxes[-1]["x"]), sorted(boxes[-1]["y"])
    return Picked(ids, Region(round(y0), round(x0), max(round(y1 - y0), 1), max(round(x1 - x0), 1)))


def _uri(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
