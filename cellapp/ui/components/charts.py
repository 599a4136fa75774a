"""The common template of all charts, the fill of classes in them, and histograms of probability and size.

The template fixes margins, legend, class colours and patterns; colours of text and surface are left to Streamlit's
theme, so that every chart follows light and dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from cellapp.rendering.colours import CLASS_COLOURS, class_colour, further_place
from cellapp.ui.components.legend_rows import legend_rows

FONT_PX = 13
ACCENT = "#2F6F8F"
SHADES = [[0, "#EAF1F5"], [1, "#6AA5C3"]]
"""Colours of a table of shares, opaque and all light enough for numbers of one dark colour, on either ground."""
ON_SHADES = {"color": "#12181B"}
PATTERNS = {"normal": "", "cancer": "/", "unsure": ".", "rejected": "x", "cell": "", "unlike training": "|"}
FURTHER_PATTERNS = ("\\", "+", "|", "-")

_TOP_PX = 64  # a title and one row of the legend
_LEGEND_ROW_PX = 19
_BAR = 0.023  # width on an axis from 0 to 1 of one of 40 bars
TEMPLATE = go.layout.Template(
    layout=go.Layout(
        font={"size": FONT_PX},
        title={"font": {"size": 15}, "x": 0, "xref": "container", "xanchor": "left", "yref": "container", "y": 0.98},
        margin={"l": 8, "r": 12, "t": _TOP_PX, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0, "title": {"text": ""}},
        hoverlabel={"align": "left"},
        bargap=0.35,
        xaxis={"automargin": True, "zeroline": False, "separatethousands": True, "title": {"standoff": 8}},
        yaxis={"automargin": True, "zeroline": False, "separatethousands": True, "title": {"standoff": 8}},
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
        In plain words, sentence case; names in it are escaped here, because Plotly reads some HTML.
    height : int
        Pixels; rows of a legend that wraps come on top, so that it neither covers the title nor takes from the plot.

    Returns
    -------
    Figure
        The same object.
    """
    more = _LEGEND_ROW_PX * (legend_rows(figure) - 1)
    figure.update_layout(template=TEMPLATE, title_text=escape(title, quote=False), height=height + more)
    if more:
        figure.update_layout(margin_t=_TOP_PX + more)
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
    place = further_place(name, classes)
    return "" if place is None else FURTHER_PATTERNS[place % len(FURTHER_PATTERNS)]


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
        The two classes.
    band : tuple of float
        Between these probabilities a cell is unsure.
    calibrated : bool
        Written on the axis, as every probability must say.
    """
    edges = np.linspace(0, 1, 41)
    n, _ = np.histogram(np.asarray(p, dtype=float), bins=edges)
    centres = (edges[:-1] + edges[1:]) / 2
    figure = go.Figure()
    for side, name in ((centres >= threshold, target), (centres < threshold, other)):
        bar = {"name": escape(name), "marker": fill(name, (other, target))}
        figure.add_bar(x=centres[side], y=n[side], width=_BAR, **bar)
    _mark_threshold(figure, threshold, band)
    return _finished_histogram(figure, target, int(n.max()), calibrated=calibrated)


def outcome_histogram(
    p: np.ndarray, outcomes: Sequence[str], target: str, classes: Sequence[str], *, calibrated: bool
) -> go.Figure:
    """Draw the distribution of the probability of one of several classes, stacked by what the cells count as.

    The call of several classes is the most probable one, so that no threshold and no band of unsure cells is on this
    axis.

    Parameters
    ----------
    p : ndarray of shape (N,)
        Probability of `target`, 0 to 1.
    outcomes : sequence of str
        What each of the N cells counts as.
    target : str
        The class.
    classes : sequence of str
        Classes of the head, in the order of the legend.
    calibrated : bool
        Written on the axis.
    """
    edges, counted = np.linspace(0, 1, 41), np.asarray(outcomes, dtype=object)
    figure, total = go.Figure(), np.zeros(40, int)
    for name in dict.fromkeys((target, *classes, *sorted(set(counted)))):
        n, _ = np.histogram(p[counted == name], bins=edges)
        if n.any():
            bar = {"name": escape(name), "marker": fill(name, classes)}
            figure.add_bar(x=(edges[:-1] + edges[1:]) / 2, y=n, width=_BAR, **bar)
            total += n
    figure.update_layout(barmode="stack", legend_traceorder="normal")
    return _finished_histogram(figure, target, int(total.max()), calibrated=calibrated)


def _finished_histogram(figure: go.Figure, target: str, highest: int, *, calibrated: bool) -> go.Figure:
    said = f"p({escape(target)}), {'calibrated' if calibrated else 'uncalibrated'}"
    figure.update_traces(hovertemplate="p about %{x:.2f}: %{y:,} cells<extra></extra>")
    figure.update_xaxes(range=[0, 1], title_text=said)
    figure.update_yaxes(title_text="cells", rangemode="tozero", tickformat=",d", dtick=whole_step(highest))
    return styled(figure.update_layout(bargap=0), f"How sure the call {target} is", height=300)


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
