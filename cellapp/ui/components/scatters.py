"""Maps of cells, of the embedding and of the slide: points by WebGL; of very many cells a picture of their density."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cellapp.rendering.colours import class_colour, further_place
from cellapp.ui.components import density
from cellapp.ui.components.charts import styled

SYMBOLS = {
    "cancer": "diamond",
    "normal": "circle",
    "unsure": "cross-thin-open",
    "rejected": "x-thin-open",
    "cell": "circle",
}
FURTHER_SYMBOLS = ("square", "triangle-up", "star", "pentagon")


def symbol(name: str, classes: Sequence[str] = ()) -> str:
    """Return the marker that goes with a class, so that colour is never alone."""
    if name in SYMBOLS:
        return SYMBOLS[name]
    place = further_place(name, classes)
    return "circle" if place is None else FURTHER_SYMBOLS[place % len(FURTHER_SYMBOLS)]


def point_size(n: int) -> int:
    """Return a marker size in pixels at which `n` points neither vanish nor cover each other."""
    return int(np.clip(11 - 1.6 * np.log10(max(n, 10)), 3, 9))


def embedding_map(
    points: pd.DataFrame, classes: Sequence[str], *, method: str, axes: Sequence[str], target: str = ""
) -> go.Figure:
    """Draw one point per cell where near means alike to the encoder; of many, how many lie where.

    Parameters
    ----------
    points : DataFrame
        `x`, `y` (no unit), `outcome`, `row` (number given back by a selection), `cell_id`, `p` (of the class
        `target`, NaN where there is none), `selected` (bool).
    classes : sequence of str
        Classes of the head, for colours.
    method : str
        "PCA" or "UMAP", said in the title.
    axes : sequence of str
        Titles of the two axes.
    target : str
        Class of the probability `p`.
    """
    figure = _points(points, classes, target, position="", upward=True)
    figure.update_xaxes(title_text=axes[0], showticklabels=method == "PCA")
    figure.update_yaxes(
        title_text=axes[1], showticklabels=method == "PCA", scaleanchor="x" if method == "PCA" else None
    )
    return styled(figure.update_layout(dragmode="lasso"), f"Cells that look alike lie together ({method})", height=420)


def spatial_map(
    points: pd.DataFrame, classes: Sequence[str], *, extent: tuple[float, float], unit: str, target: str = ""
) -> go.Figure:
    """Draw one point per cell where it lies on the slide; of many, how many lie where.

    Parameters
    ----------
    points : DataFrame
        As for `embedding_map`, with `x`, `y` in `unit` from the upper left corner.
    classes : sequence of str
        Classes of the head, for colours.
    extent : tuple of float
        Height and width of the slide in `unit`.
    unit : str
        "µm" or "px".
    target : str
        Class of the probability `p`.
    """
    figure = _points(points, classes, target, position="<br>x %{x:,.0f}, y %{y:,.0f} " + unit, upward=False)
    figure.update_xaxes(title_text=f"x, {unit}", range=[0, extent[1]], constrain="domain")
    figure.update_yaxes(title_text=f"y, {unit}", range=[extent[0], 0], scaleanchor="x", constrain="domain")
    return styled(figure.update_layout(dragmode="lasso"), "Where the cells lie", height=420)


def selected_rows(event: object) -> list[int]:
    """Return the `row` numbers of a Plotly selection; empty for none or for points drawn by other figures."""
    if not isinstance(event, dict):
        return []
    points = event.get("selection", {}).get("points", [])
    rows = (_first(point.get("customdata")) for point in points)
    return sorted({int(row) for row in rows if row is not None})


def _first(customdata: object) -> object | None:
    # Streamlit hands customdata over as a list, or as a dict of positions where the browser kept it as typed numbers.
    if isinstance(customdata, dict):
        return customdata.get("0")
    if isinstance(customdata, (list, tuple)):
        return customdata[0] if customdata else None
    return customdata


def _points(points: pd.DataFrame, classes: Sequence[str], target: str, *, position: str, upward: bool) -> go.Figure:
    """Draw a trace per outcome, of too many cells their density.

    Browsers write the hover text from numbers: 50,000 strings take half a second.
    """
    figure = go.Figure()
    size = point_size(len(points))
    if len(points) > density.MOST_POINTS:
        signs = {str(outcome): symbol(str(outcome), classes) for outcome in points["outcome"].unique()}
        density.draw_density(figure, points, classes, signs, size, upward=upward)
        return figure
    any_selected = points["selected"].any()
    for outcome, rows in points.groupby("outcome", sort=True):
        sign = symbol(str(outcome), classes)
        figure.add_scattergl(
            x=rows["x"].to_numpy(np.float32),
            y=rows["y"].to_numpy(np.float32),
            mode="markers",
            name=f"{escape(str(outcome))} ({len(rows):,})",
            customdata=rows[["row", "cell_id", "p"]].to_numpy(_number_type(points)),
            meta=[escape(str(outcome)), escape(target)],
            selectedpoints=np.flatnonzero(rows["selected"].to_numpy()) if any_selected else None,
            marker={
                "color": class_colour(str(outcome), tuple(classes)),
                "symbol": sign,
                "size": size,
                "line": {"width": 1 if sign.endswith("open") else 0},
            },
            unselected={"marker": {"opacity": 0.15}},
            hovertemplate=_hover(rows["p"].notna().to_numpy(), position),
        )
    return figure


def _number_type(points: pd.DataFrame) -> type:
    """Return the smallest type that holds row numbers and ids: what is sent is half as long."""
    largest = max(points["row"].max(), points["cell_id"].max()) if len(points) else 0
    return np.float32 if largest < 2**24 else np.float64


def _hover(has_p: np.ndarray, position: str) -> str | list[str]:
    """Return the hover template of a trace; one per point where only some have a probability, others by hand."""
    without, with_p = (
        f"cell %{{customdata[1]:d}}, %{{meta[0]}}{p}{position}<extra></extra>"
        for p in ("", ", p(%{meta[1]}) %{customdata[2]:.2f}")
    )
    if has_p.all() or not has_p.any():
        return with_p if has_p.any() else without
    return np.where(has_p, with_p, without).tolist()
