"""The common template of all charts, the fill of classes in them, and histograms of probability and size.

The template fixes margins, legend, class colours and patterns; colours of text and surface are left to Streamlit's
theme, so that every chart follows light and dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from cellapp.rendering.colours import CLASS_COLOURS, class_colour

FONT_PX = 13
ACCENT = "#2F6F8F"
SHADES = [[0, "#E6EEF2"], [1, ACCENT]]
"""Colours of a table of shares. Opaque: Plotly chooses dark or white numbers by them alone, on either ground."""
PATTERNS = {"normal": "", "cancer": "/", "unsure": ".", "rejected": "x", "cell": "", "unlike training": "|"}
FURTHER_PATTERNS = ("\\", "+", "|", "-")

TEMPLATE = go.layout.Template(
    layout=go.Layout(
        font={"size": FONT_PX},
        title={"font": {"size": 15}, "x": 0, "xref": "container", "xanchor": "left", "yref": "container", "y": 0.98},
        margin={"l": 8, "r": 12, "t": 64, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0, "title": {"text": ""}},
        hoverlabel={"align": "left"},
        bargap=0.35,
        xaxis={"automargin": True, "zeroline": False, "title": {"standoff": 8}},
        yaxis={"automargin": True, "zeroline": False, "title": {"standoff": 8}},
        dragmode=False,
        uirevision="keep",
    )
)


class Drawn(go.Figure):
    """A figure that is sent many times: what Plotly would copy and encode for each page is made once.

    Parameters
    ----------
    figure : Figure
        Complete; later changes of it or of this one are not sent.
    """

    def __init__(self, figure: go.Figure) -> None:
        super().__init__()
        object.__setattr__(self, "_sent", figure.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return data and layout as they are sent; nobody may change them."""
        return self._sent

    @property
    def title(self) -> str:
        """The title, "" without one."""
        return str(self._sent["layout"].get("title", {}).get("text") or "")

    @property
    def n_bytes(self) -> int:
        """About how much memory the points of the figure take."""
        return sum(map(_length, self._sent["data"]))


def styled(figure: go.Figure, title: str, *, height: int = 320) -> go.Figure:
    """Apply the common template to a figure, in place.

    Parameters
    ----------
    figure : Figure
    title : str
        In plain words, sentence case.
    height : int
        Pixels.

    Returns
    -------
    Figure
        The same object.
    """
    figure.update_layout(template=TEMPLATE, title_text=title, height=height)
    return figure


def chart_config(file_name: str) -> dict[str, Any]:
    """Return Plotly's configuration: a short tool bar whose camera saves SVG as `file_name`, given without ending."""
    return {
        "displaylogo": False,
        "scrollZoom": False,
        "modeBarButtonsToRemove": ["autoScale2d", "zoomIn2d", "zoomOut2d"],
        "toImageButtonOptions": {"format": "svg", "filename": file_name},
    }


def pattern(name: str, classes: Sequence[str] = ()) -> str:
    """Return the fill pattern that goes with a class, so that colour is never alone."""
    if name in PATTERNS:
        return PATTERNS[name]
    others = [c for c in classes if c not in PATTERNS]
    return FURTHER_PATTERNS[others.index(name) % len(FURTHER_PATTERNS)] if name in others else ""


def fill(name: str, classes: Sequence[str]) -> dict[str, Any]:
    """Return Plotly's marker of a bar of one class: its colour and its pattern."""
    stripes = {
        "shape": pattern(name, classes),
        "fillmode": "overlay",
        "size": 6,
        "solidity": 0.15,
        "fgcolor": "#FFFFFF",
    }
    return {"color": class_colour(name, tuple(classes)), "pattern": stripes}


def whole_step(longest: float) -> int | None:
    """Return a step of 1 for axes of a few cells, which Plotly would divide into halves; None leaves it to Plotly."""
    return 1 if longest < 4 else None


def probability_histogram(
    p: np.ndarray, threshold: float, target: str, *, other: str, band: tuple[float, float], calibrated: bool
) -> go.Figure:
    """Draw the distribution of a class's probability, with the threshold and the band of unsure cells.

    Parameters
    ----------
    p : ndarray of shape (N,)
        Probability of `target`, 0 to 1.
    threshold : float
        From here on a cell is called `target`.
    target, other : str
        The two sides.
    band : tuple of float
        Between these probabilities a cell is unsure.
    calibrated : bool
        Written on the axis, as every probability must say.
    """
    edges = np.linspace(0, 1, 41)
    n, _ = np.histogram(np.asarray(p, dtype=float), bins=edges)
    centres = (edges[:-1] + edges[1:]) / 2
    figure = go.Figure()
    for side, name in ((centres < threshold, other), (centres >= threshold, target)):
        figure.add_bar(x=centres[side], y=n[side], width=0.023, name=name, marker=fill(name, (other, target)))
    _mark_threshold(figure, threshold, band)
    figure.update_traces(hovertemplate="p about %{x:.2f}: %{y:,} cells<extra></extra>")
    figure.update_xaxes(range=[0, 1], title_text=f"p({target}), {'calibrated' if calibrated else 'uncalibrated'}")
    figure.update_yaxes(title_text="cells", rangemode="tozero", tickformat=",d", dtick=whole_step(n.max()))
    figure.update_layout(bargap=0, legend_traceorder="reversed")  # the positive class first, as in all charts
    return styled(figure, f"How sure the call {target} is", height=300)


def size_histogram(values: np.ndarray, *, unit: str, minimum: float | None = None) -> go.Figure:
    """Draw the distribution of cell areas, with the smallest area that is kept."""
    figure = go.Figure(go.Histogram(x=np.asarray(values, dtype=float), nbinsx=30, marker_color=ACCENT))
    figure.update_traces(hovertemplate="%{x} " + unit + ": %{y:,} cells<extra></extra>")
    if minimum is not None:
        figure.add_vline(x=minimum, line={"width": 2, "dash": "dash", "color": CLASS_COLOURS["unsure"]})
    figure.update_xaxes(title_text=f"area, {unit}", rangemode="tozero")
    figure.update_yaxes(title_text="cells", dtick=whole_step(np.histogram(values, bins=30)[0].max()))
    return styled(figure.update_layout(bargap=0.05), "Cell size", height=220)


def _length(part: object) -> int:
    """Return the length of all texts and numbers in a part of a figure."""
    if isinstance(part, dict):
        return sum(map(_length, part.values()))
    if isinstance(part, (list, tuple)):
        return sum(map(_length, part))
    return len(part) if isinstance(part, str) else 8


def _mark_threshold(figure: go.Figure, threshold: float, band: tuple[float, float]) -> None:
    grey = CLASS_COLOURS["unsure"]
    if band[1] > band[0]:
        text = {"annotation": {"text": "unsure", "font": {"size": 11}}, "annotation_position": "top left"}
        figure.add_vrect(x0=band[0], x1=band[1], fillcolor=grey, opacity=0.18, line_width=0, **text)
    figure.add_vline(x=threshold, line={"width": 2, "dash": "dash", "color": grey})
