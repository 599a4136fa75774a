"""Maps of more cells than can be told apart as points: how many of each outcome lie where, as one picture."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from PIL import Image
from skimage.measure import points_in_poly

from cellapp.rendering.colours import class_colour, rgb

MOST_POINTS = 100_000
"""Above, a map is a picture: so many points cover each other, and take a browser seconds."""

_BINS = (280, 420)  # rows and columns of the picture
_HOVERED = 8  # bins of the picture to one that tells its number of cells
_FAINTEST = 0.3  # opacity of a bin with one cell
_MARKED = 2_000  # selected cells drawn as points


def draw_density(
    figure: go.Figure,
    points: pd.DataFrame,
    classes: Sequence[str],
    symbols: Mapping[str, str],
    size: int,
    *,
    upward: bool,
) -> None:
    """Draw where the cells of each outcome lie into an empty figure.

    Parameters
    ----------
    figure : Figure
    points : DataFrame
        `x`, `y`, `outcome` and `selected`, see `cellapp.ui.components.scatters.embedding_map`.
    classes : sequence of str
        Classes of the head, for colours.
    symbols : mapping of outcome to marker
    size : int
        Of a marker, pixels.
    upward : bool
        Whether y grows upwards.
    """
    edges = _edges(points["x"], _BINS[1]), _edges(points["y"], _BINS[0])
    counts = {str(name): _count(rows, edges) for name, rows in points.groupby("outcome", sort=True)}
    marked = points[points["selected"]]
    for outcome, n in counts.items():
        here = marked[marked["outcome"] == outcome].head(_MARKED)
        figure.add_scattergl(
            x=here["x"].to_numpy(np.float32) if len(here) else [None],  # a name in the legend needs a point
            y=here["y"].to_numpy(np.float32) if len(here) else [None],
            mode="markers",
            name=f"{escape(outcome)} ({int(n.sum()):,})",
            marker={
                "color": class_colour(outcome, tuple(classes)),
                "symbol": symbols[outcome],
                "size": size + 3,
                "line": {"width": 1},
            },
            hoverinfo="skip",
        )
    figure.add_trace(_hovered(sum(counts.values()), edges))
    figure.add_layout_image(_picture(counts, classes, edges, faint=len(marked) > 0, upward=upward))
    figure.update_layout(legend_itemclick=False, legend_itemdoubleclick=False)
    figure.update_xaxes(range=[edges[0][0], edges[0][-1]])
    figure.update_yaxes(range=[edges[1][0], edges[1][-1]])


def rows_inside(event: object, points: pd.DataFrame) -> list[int]:
    """Return the `row` of all points inside the boxes and lassos of a Plotly selection.

    Parameters
    ----------
    event : mapping
        What Streamlit gives for a chart: boxes as two corners, lassos as their path, in units of the axes.
    points : DataFrame
        `x`, `y` and `row`.
    """
    drawn = event.get("selection", {}) if isinstance(event, dict) else {}
    x, y = points["x"].to_numpy(float), points["y"].to_numpy(float)
    inside = np.zeros(len(points), bool)
    for shape in (*drawn.get("box", ()), *drawn.get("lasso", ())):
        path_x, path_y = np.asarray(shape["x"], float), np.asarray(shape["y"], float)
        near = (x >= path_x.min()) & (x <= path_x.max()) & (y >= path_y.min()) & (y <= path_y.max())
        if len(path_x) > 2:  # a lasso; two corners say all of a box
            at = np.flatnonzero(near)
            near[at] = points_in_poly(np.column_stack([x[at], y[at]]), np.column_stack([path_x, path_y]))
        inside |= near
    return sorted(points.loc[inside, "row"].astype(int).tolist())


def _edges(values: pd.Series, n: int) -> np.ndarray:
    """Return the edges of `n` bins over all values, with a little room at both ends."""
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    room = 0.02 * (high - low) or 0.5
    return np.linspace(low - room, high + room, n + 1)


def _count(points: pd.DataFrame, edges: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return the number of points in each bin, (rows, columns); the first row has the smallest y."""
    columns, rows = (
        np.minimum((values - edge[0]) / (edge[1] - edge[0]), len(edge) - 2).astype(np.intp)
        for values, edge in zip((points["x"].to_numpy(float), points["y"].to_numpy(float)), edges, strict=True)
    )
    return np.bincount(rows * _BINS[1] + columns, minlength=_BINS[0] * _BINS[1]).reshape(_BINS)


def _picture(
    counts: Mapping[str, np.ndarray],
    classes: Sequence[str],
    edges: tuple[np.ndarray, np.ndarray],
    *,
    faint: bool,
    upward: bool,
) -> dict[str, Any]:
    """Mix the colours of the outcomes by how many cells each has, the denser the less transparent."""
    total = sum(counts.values())
    mixed = sum(n[..., None] * np.array(rgb(class_colour(name, tuple(classes)))) for name, n in counts.items())
    pixels = np.zeros((*_BINS, 4), np.uint8)
    pixels[..., :3] = mixed / np.maximum(total, 1)[..., None]
    strength = _FAINTEST + (1 - _FAINTEST) * np.log1p(total) / np.log1p(total.max())
    pixels[..., 3] = 255 * np.where(total > 0, strength, 0) * (0.35 if faint else 1)
    buffer = io.BytesIO()
    Image.fromarray(pixels[::-1] if upward else pixels).save(buffer, "PNG", compress_level=6)
    return {
        "source": f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}",
        **{"xref": "x", "yref": "y", "x": edges[0][0], "y": edges[1][0], "xanchor": "left"},
        "yanchor": "bottom" if upward else "top",
        **{"sizex": edges[0][-1] - edges[0][0], "sizey": edges[1][-1] - edges[1][0], "sizing": "stretch"},
        "layer": "below",
    }


def _hovered(total: np.ndarray, edges: tuple[np.ndarray, np.ndarray]) -> go.Heatmap:
    """Return what tells the number of cells under the pointer, and is not seen."""
    rows, columns = np.array(_BINS) // _HOVERED
    n = total[: rows * _HOVERED, : columns * _HOVERED].reshape(rows, _HOVERED, columns, _HOVERED).sum(axis=(1, 3))
    at_x, at_y = ((edge[:-_HOVERED:_HOVERED] + edge[_HOVERED::_HOVERED]) / 2 for edge in edges)
    return go.Heatmap(
        x=at_x,
        y=at_y,
        z=n.astype(np.int32),
        opacity=0,
        showscale=False,
        hovertemplate="%{z:,} cells<extra></extra>",
    )
