"""The layers of the image viewer: pictures, cells, scale bar, rectangle, circle; all in pixels of the full image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import plotly.graph_objects as go

from cellapp.types import Region
from cellapp.ui.charts import ACCENT

_NICE_LENGTHS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
_NUDGE = 1e-4  # full-image pixels, see `add_picture`


@dataclass(frozen=True, eq=False)
class Layer:
    """A picture and the rectangle of the full image it covers."""

    uri: str  # "data:image/png;base64,..."
    region: Region


def empty_figure(box: Region, *, height: int, dragmode: str) -> go.Figure:
    """Return a figure whose axes are the columns and rows of `box`, without anything that distracts."""
    figure = go.Figure()
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        dragmode=dragmode,
        showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="#000000",
        newselection={"line": {"color": ACCENT, "width": 2}},
        uirevision=str(box),  # zoom and pan stay while layers change
        images=[],
    )
    figure.update_xaxes(visible=False, range=[box.x, box.x + box.width], constrain="domain")
    figure.update_yaxes(
        visible=False, range=[box.y + box.height, box.y], scaleanchor="x", constrain="domain", constraintoward="top"
    )
    return figure


def add_picture(figure: go.Figure, layer: Layer, opacity: float = 1.0) -> None:
    """Lay a picture over what is there.

    Plotly takes images of the same place and size for one and draws only the last: each is moved by an invisible step.
    """
    box, nudge = layer.region, _NUDGE * len(figure.layout.images)
    figure.add_layout_image(
        source=layer.uri,
        xref="x",
        yref="y",
        x=box.x + nudge,
        y=box.y,
        sizex=box.width,
        sizey=box.height,
        sizing="stretch",
        layer="below",
        opacity=opacity,
    )


def add_cells(figure: go.Figure, cells: Mapping[int, tuple[float, float]]) -> None:
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


def add_scale_bar(figure: go.Figure, box: Region, um_per_px: float | None) -> None:
    """Draw a bar of a round length, about a fifth of the width; pixels where the pixel size is unknown."""
    unit, scale = ("µm", um_per_px) if um_per_px else ("px", 1.0)
    wanted = box.width * scale / 5
    length = max([nice for nice in _NICE_LENGTHS if nice <= wanted], default=_NICE_LENGTHS[0])
    x1, y = box.x + box.width * 0.97, box.y + box.height * 0.96
    x0 = x1 - length / scale
    figure.add_shape(type="line", x0=x0, x1=x1, y0=y, y1=y, line={"color": "#FFFFFF", "width": 4})
    figure.add_annotation(
        x=(x0 + x1) / 2,
        y=y,
        yshift=13,
        text=f"{length:,} {unit}",
        showarrow=False,
        font={"color": "#FFFFFF", "size": 13},
        bgcolor="rgba(0,0,0,0.45)",
        borderpad=2,
    )


def add_rectangle(figure: go.Figure, region: Region) -> None:
    """Draw the edge of a region."""
    figure.add_shape(
        type="rect",
        x0=region.x,
        x1=region.x + region.width,
        y0=region.y,
        y1=region.y + region.height,
        line={"color": "#FFFFFF", "width": 2, "dash": "dash"},
    )


def add_circle(figure: go.Figure, box: Region, diameter_px: float) -> None:
    """Draw a circle of a cell's expected size into the upper left corner."""
    x, y = box.x + box.width * 0.03, box.y + box.height * 0.03
    figure.add_shape(
        type="circle",
        x0=x,
        x1=x + diameter_px,
        y0=y,
        y1=y + diameter_px,
        line={"color": "#F0E442", "width": 2},
    )
