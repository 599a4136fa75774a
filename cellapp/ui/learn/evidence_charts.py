"""Charts of a cross-validation: confusion, ROC, calibration, and the score of each group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from cellapp.ui.components.charts import ACCENT, styled

_GREY = "#8A8A8A"
_MOST_GROUPS = 30  # rows of a chart that can still be read; the worst come first


def confusion_chart(confusion: np.ndarray, classes: Sequence[str]) -> go.Figure:
    """Draw how cells of each true class (rows) were called (columns), in numbers and in percent of the row.

    Parameters
    ----------
    confusion : ndarray of shape (K, K), int
    classes : sequence of str
        K names.
    """
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    text = [
        [f"{n:,}<br>{100 * s:.0f} %" for n, s in zip(*row, strict=True)] for row in zip(confusion, share, strict=True)
    ]
    names = [escape(name) for name in classes]
    figure = go.Figure(
        go.Heatmap(
            z=share,
            x=names,
            y=names,
            text=text,
            texttemplate="%{text}",
            colorscale=[[0, "rgba(47,111,143,0.06)"], [1, ACCENT]],
            zmin=0,
            zmax=1,
            showscale=False,
            hovertemplate="%{y} called %{x}: %{text}<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="called", type="category")
    figure.update_yaxes(title_text="is", type="category", autorange="reversed")
    return styled(figure, "Which classes are taken for which", height=320)


def roc_chart(roc: Mapping[str, Sequence[float]], area: float | None, positive: str) -> go.Figure:
    """Draw the receiver operating characteristic of the positive class, see `cellapp.evaluation.curves.roc_curve`."""
    figure = go.Figure()
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": _GREY}, name="guessing")
    figure.add_scatter(
        x=roc["false_positive_rate"],
        y=roc["true_positive_rate"],
        customdata=roc["threshold"],
        mode="lines",
        line={"color": ACCENT, "width": 2.5},
        name="this head",
        hovertemplate="threshold %{customdata:.2f}: finds %{y:.0%}, calls %{x:.0%} of the others so<extra></extra>",
    )
    figure.update_xaxes(title_text=f"others called {escape(positive)}", range=[0, 1], tickformat=".0%")
    figure.update_yaxes(title_text=f"{escape(positive)} found", range=[0, 1.01], tickformat=".0%")
    shown = "" if area is None or not np.isfinite(area) else f", area {area:.3f}"
    return styled(figure, f"Finding against false alarms (ROC){shown}", height=320)


def calibration_chart(bins: Sequence[Mapping[str, float]], positive: str) -> go.Figure:
    """Draw how often cells are of the positive class against the probability said, bin by bin."""
    figure = go.Figure()
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": _GREY}, name="as said")
    figure.add_scatter(
        x=[row["said"] for row in bins],
        y=[row["was"] for row in bins],
        customdata=[row["n"] for row in bins],
        mode="lines+markers",
        line={"color": ACCENT, "width": 2.5},
        marker={"size": 8},
        name="found",
        hovertemplate="said %{x:.0%}, was %{y:.0%}, %{customdata:,} cells<extra></extra>",
    )
    figure.update_xaxes(title_text=f"p({escape(positive)}), calibrated", range=[0, 1], tickformat=".0%")
    figure.update_yaxes(title_text=f"share that is {escape(positive)}", range=[0, 1.01], tickformat=".0%")
    return styled(figure, "Are the percentages true (calibration)", height=320)


def groups_chart(groups: Sequence[Mapping[str, Any]], word: str) -> go.Figure:
    """Draw the share of right calls of each group, the worst first, see `group_figures`."""
    shown = groups[:_MOST_GROUPS]
    figure = go.Figure(
        go.Bar(
            x=[row["accuracy"] for row in shown],
            y=[escape(row["group"]) for row in shown],
            customdata=[[row["n"], escape(row["classes"])] for row in shown],
            orientation="h",
            marker_color=ACCENT,
            hovertemplate="%{y}: %{x:.0%} of %{customdata[0]:,} cells right (%{customdata[1]})<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="right calls, % of cells", range=[0, 1.01], tickformat=".0%")
    figure.update_yaxes(type="category", autorange="reversed", title_text="")
    more = f", the worst {_MOST_GROUPS}" if len(groups) > _MOST_GROUPS else ""
    return styled(figure, f"Score of each unseen {escape(word)}{more}", height=140 + 24 * len(shown))
