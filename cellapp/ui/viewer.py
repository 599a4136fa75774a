"""The one place where an image is put on a page with pan, zoom and layers."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from PIL import Image

from cellapp.images.display import draw_outlines
from cellapp.types import Region

ACCENT = "#2F6F8F"
_NICE_LENGTHS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


@dataclass(frozen=True, eq=False)
class Layer:
    """A picture and the rectangle of the full image it covers."""

    uri: str  # "data:image/png;base64,..."
    region: Region


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
    height : int
        Height on the page in pixels.

    Returns
    -------
    Picked
        Cell ids under points, box or lasso, and the last box in full-resolution pixels.
    """
    figure = _figure(base, height, "select" if "box" in pick and not cells else "pan")
    if overlay is not None:
        _add_layer(figure, overlay, opacity)
    _add_cells(figure, cells or {})
    _add_scale_bar(figure, base.region, um_per_px)
    if rectangle is not None:
        _add_rectangle(figure, rectangle)
    if circle_px:
        _add_circle(figure, base.region, circle_px)
    config = {"scrollZoom": True, "displaylogo": False, "modeBarButtonsToRemove": ["autoScale2d"]}
    if not pick:
        st.plotly_chart(figure, key=key, config=config, theme=None, alt=alt)
        return Picked()
    event = st.plotly_chart(
        figure, key=key, config=config, theme=None, on_select="rerun", selection_mode=tuple(pick), alt=alt
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


def _figure(base: Layer, height: int, dragmode: str) -> go.Figure:
    box = base.region
    figure = go.Figure()
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        dragmode=dragmode,
        showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="#000000",
        newselection={"line": {"color": ACCENT, "width": 2}},
        uirevision=str(box),
    )
    figure.update_xaxes(visible=False, range=[box.x, box.x + box.width], constrain="domain")
    figure.update_yaxes(visible=False, range=[box.y + box.height, box.y], scaleanchor="x", constrain="domain")
    _add_layer(figure, base, 1.0)
    return figure


def _add_layer(figure: go.Figure, layer: Layer, opacity: float) -> None:
    box = layer.region
    figure.add_layout_image(
        source=layer.uri,
        xref="x",
        yref="y",
        x=box.x,
        y=box.y,
        sizex=box.width,
        sizey=box.height,
        sizing="stretch",
        layer="below",
        opacity=opacity,
    )


def _add_cells(figure: go.Figure, cells: Mapping[int, tuple[float, float]]) -> None:
    """Add centroids nobody sees, for Plotly to pick; without cells one empty point keeps box selection alive."""
    figure.add_trace(
        go.Scattergl(
            x=[x for _, x in cells.values()] or [None],
            y=[y for y, _ in cells.values()] or [None],
            mode="markers",
            customdata=list(cells) or [None],
            marker={"size": 14, "opacity": 0},
            hovertemplate="cell %{customdata}<extra></extra>",
        )
    )


def _add_scale_bar(figure: go.Figure, box: Region, um_per_px: float | None) -> None:
    unit, scale = ("µm", um_per_px) if um_per_px else ("px", 1.0)
    wanted = box.width * scale / 5
    length = max([nice for nice in _NICE_LENGTHS if nice <= wanted], default=_NICE_LENGTHS[0])
    x1, y = box.x + box.width * 0.97, box.y + box.height * 0.96
    figure.add_shape(type="line", x0=x1 - length / scale, x1=x1, y0=y, y1=y, line={"color": "#FFFFFF", "width": 4})
    figure.add_annotation(
        x=x1 - length / scale / 2,
        y=y,
        yshift=12,
        text=f"{length:,} {unit}",
        showarrow=False,
        font={"color": "#FFFFFF", "size": 13},
        bgcolor="rgba(0,0,0,0.45)",
        borderpad=2,
    )


def _add_rectangle(figure: go.Figure, region: Region) -> None:
    figure.add_shape(
        type="rect",
        x0=region.x,
        x1=region.x + region.width,
        y0=region.y,
        y1=region.y + region.height,
        line={"color": "#FFFFFF", "width": 2, "dash": "dash"},
    )


def _add_circle(figure: go.Figure, box: Region, diameter_px: float) -> None:
    x, y = box.x + box.width * 0.03, box.y + box.height * 0.03
    figure.add_shape(
        type="circle",
        x0=x,
        x1=x + diameter_px,
        y0=y,
        y1=y + diameter_px,
        line={"color": "#F0E442", "width": 2},
    )
