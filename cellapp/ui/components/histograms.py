"""Histograms of probability and size, with the limit that decides drawn in."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from cellapp.rendering.colours import CLASS_COLOURS
from cellapp.ui.components.charts import ACCENT, fill, styled, whole_step


def probability_histogram(
    p: np.ndarray, threshold: float, target: str, *, other: str, band: tuple[float, float], calibrated: bool
) -> go.Figure:
    """Show how sure the calls are, where the threshold lies and which cells count as unsure.

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
        Said on the axis, as every probability must.
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
    return styled(figure.update_layout(bargap=0), f"How sure the call {target} is", height=300)


def size_histogram(values: np.ndarray, *, unit: str, minimum: float | None = None) -> go.Figure:
    """Show how large the cells are, with the smallest size that is kept."""
    figure = go.Figure(go.Histogram(x=np.asarray(values, dtype=float), nbinsx=30, marker_color=ACCENT))
    figure.update_traces(hovertemplate="%{x} " + unit + ": %{y:,} cells<extra></extra>")
    if minimum is not None:
        figure.add_vline(x=minimum, line={"width": 2, "dash": "dash", "color": CLASS_COLOURS["unsure"]})
    figure.update_xaxes(title_text=f"area, {unit}", rangemode="tozero")
    figure.update_yaxes(title_text="cells", dtick=whole_step(np.histogram(values, bins=30)[0].max()))
    return styled(figure.update_layout(bargap=0.05), "Cell size", height=220)


def _mark_threshold(figure: go.Figure, threshold: float, band: tuple[float, float]) -> None:
    grey = CLASS_COLOURS["unsure"]
    if band[1] > band[0]:
        words = {"text": "unsure", "font": {"size": 11}}
        where = {"annotation": words, "annotation_position": "top left"}
        figure.add_vrect(x0=band[0], x1=band[1], fillcolor=grey, opacity=0.18, line_width=0, **where)
    figure.add_vline(x=threshold, line={"width": 2, "dash": "dash", "color": grey})
