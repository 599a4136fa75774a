"""Figures of one explained cell: crop, signed map and both together, and each channel alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from skimage.measure import find_contours

from cellapp.rendering.colours import DIVERGING, rgb
from cellapp.rendering.map_figure import PLAIN
from cellapp.rendering.signed_maps import MapStyle, enlarged
from cellapp.ui.components.charts import FONT_PX, styled

_FINE = 4  # a smoothed map is drawn with so many values each way for a square
_OUTLINE_PX = 1.5


def explanation_figure(
    crop: np.ndarray,
    signed_map: np.ndarray,
    *,
    limit: float,
    target: str,
    style: MapStyle = PLAIN,
    outlines: Sequence[tuple[np.ndarray, str]] = (),
    height: int = 300,
) -> go.Figure:
    """Draw crop, map and overlay side by side.

    Parameters
    ----------
    crop : ndarray of shape (Y, X, 3), uint8
        Display rendering of the encoder's input.
    signed_map : ndarray of shape (h, w), float
        On the token grid, logit units.
    limit : float
        Half width of the symmetric scale, the same for all cells of the run; 0 is drawn as a scale of 1.
    target : str
        The class explained.
    style : MapStyle
    outlines : sequence of (mask, colour)
        Masks (Y, X) bool on the crop, drawn where `style` says so.
    height : int
        Pixels.

    Returns
    -------
    Figure
        One square is one token, unless `style` smooths; what hovers are the values drawn.
    """
    figure = make_subplots(
        cols=3, horizontal_spacing=0.02, subplot_titles=("Cell", f"For and against {escape(target)}", "Both")
    )
    heatmap = _heatmap(_drawn_values(signed_map, style), crop.shape[:2], limit or 1.0)
    figure.add_trace(go.Image(z=crop, hoverinfo="skip"), row=1, col=1)
    figure.add_trace(heatmap, row=1, col=2)
    figure.add_trace(go.Image(z=crop, hoverinfo="skip"), row=1, col=3)
    figure.add_trace(go.Heatmap(heatmap).update(colorscale=_veil(style.opacity), showscale=False), row=1, col=3)
    for trace in _outlines(outlines) if style.outlines else ():
        for column in (1, 3):
            figure.add_trace(trace, row=1, col=column)
    figure.update_xaxes(visible=False, range=[-0.5, crop.shape[1] - 0.5], constrain="domain")
    figure.update_yaxes(visible=False, range=[crop.shape[0] - 0.5, -0.5], constrain="domain")
    for column, anchor in enumerate(("x", "x2", "x3"), start=1):
        figure.update_yaxes(scaleanchor=anchor, row=1, col=column)
    styled(figure, "", height=height)
    figure.update_annotations(font_size=FONT_PX)
    return figure.update_layout(margin={"t": 32, "b": 4})


def _drawn_values(signed_map: np.ndarray, style: MapStyle) -> np.ndarray:
    if not style.smooth:
        return signed_map
    rows, columns = signed_map.shape
    return enlarged(signed_map, (rows * _FINE, columns * _FINE), smooth=True)


def _veil(opacity: float) -> list[list[object]]:
    """Return the diverging scale over a crop: transparent where the map is 0."""
    (low, blue), (middle, _), (high, vermillion) = DIVERGING
    ends = [f"rgba({','.join(map(str, rgb(colour)))},{opacity:.2f})" for colour in (blue, vermillion)]
    return [[low, ends[0]], [middle, "rgba(255,255,255,0)"], [high, ends[1]]]


def _outlines(masks: Sequence[tuple[np.ndarray, str]]) -> Iterator[go.Scatter]:
    for mask, colour in masks:
        for line in find_contours(np.pad(mask, 1).astype(float), 0.5):
            yield go.Scatter(
                x=line[:, 1] - 1,
                y=line[:, 0] - 1,
                mode="lines",
                line={"color": colour, "width": _OUTLINE_PX},
                hoverinfo="skip",
                showlegend=False,
            )


def _heatmap(signed_map: np.ndarray, shape: tuple[int, int], limit: float) -> go.Heatmap:
    rows, columns = signed_map.shape
    step_y, step_x = shape[0] / rows, shape[1] / columns
    return go.Heatmap(
        z=np.asarray(signed_map, dtype=float),
        y=(np.arange(rows) + 0.5) * step_y - 0.5,
        x=(np.arange(columns) + 0.5) * step_x - 0.5,
        zmin=-limit,
        zmax=limit,
        colorscale=[list(stop) for stop in DIVERGING],
        colorbar={"title": {"text": "logit", "side": "top"}, "thickness": 12, **_ticks(limit)},
        hovertemplate="%{z:+.3f} logit<extra></extra>",
    )


def _ticks(limit: float) -> dict[str, list]:
    """Return ticks at the ends and at 0, which has no sign; Plotly's own format gives it one."""
    values = [-limit, 0, limit]
    texts = [f"{value:+.2g}".replace("-", "\N{MINUS SIGN}") if value else "0" for value in values]
    return {"tickvals": values, "ticktext": texts}


def channel_strip(pictures: Sequence[np.ndarray], names: Sequence[str], *, height: int = 190) -> go.Figure:
    """Draw each channel of a crop on its own.

    Parameters
    ----------
    pictures : sequence of ndarray of shape (Y, X, 3), uint8
        One rendering per channel.
    names : sequence of str
        Channel names in order.
    height : int
        Pixels.
    """
    titles = [escape(name) for name in names]
    figure = make_subplots(cols=max(len(titles), 1), horizontal_spacing=0.02, subplot_titles=titles)
    for column, drawn in enumerate(pictures, start=1):
        figure.add_trace(go.Image(z=drawn, hoverinfo="skip"), row=1, col=column)
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_yaxes(visible=False, constrain="domain")
    styled(figure, "", height=height)
    figure.update_annotations(font_size=FONT_PX)
    return figure.update_layout(margin={"t": 28, "b": 4})
