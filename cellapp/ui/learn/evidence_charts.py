"""Charts of a cross-validation: confusion, ROC, precision and recall, calibration, groups, and the learning curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from cellapp.ui.components.charts import ACCENT, ON_SHADES, SHADES, styled

_GREY = "#8A8A8A"
_END = 1.04  # of axes of shares, so that "100 %" has room and a point at the end is seen whole
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
            textfont=ON_SHADES,
            colorscale=SHADES,
            zmin=0,
            zmax=1,
            showscale=False,
            hovertemplate="%{y} called %{x}: %{text}<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="called", type="category", showgrid=False)
    figure.update_yaxes(title_text="true class", type="category", autorange="reversed", showgrid=False)
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
    figure.update_xaxes(title_text=f"others called {escape(positive)}", range=[0, _END], tickformat=".0%")
    figure.update_yaxes(title_text=f"{escape(positive)} found", range=[0, _END], tickformat=".0%")
    shown = "" if area is None or not np.isfinite(area) else f", area {area:.3f}"
    return styled(figure, f"Finding against false alarms (ROC){shown}", height=320)


def precision_recall_chart(
    curve: Mapping[str, Sequence[float]], average: float | None, positive: str, share: float
) -> go.Figure:
    """Draw precision against recall of the positive class.

    Parameters
    ----------
    curve : mapping
        See `cellapp.evaluation.curves.precision_recall_curve`.
    average : float, optional
        Average precision.
    positive : str
    share : float
        Of the positive class among the cells: what calling every cell so would reach.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[share, share], mode="lines", line={"dash": "dot", "color": _GREY}, name="calling every cell so"
    )
    figure.add_scatter(
        x=curve["recall"][:-1],  # the last point is where no cell is called so, and precision is but agreed to be 1
        y=curve["precision"][:-1],
        customdata=curve["threshold"][:-1],
        mode="lines",
        line={"color": ACCENT, "width": 2.5},
        name="this head",
        hovertemplate="threshold %{customdata:.2f}: finds %{x:.0%}, %{y:.0%} of those called so are<extra></extra>",
    )
    figure.update_xaxes(title_text=f"{escape(positive)} found (recall)", range=[0, _END], tickformat=".0%")
    figure.update_yaxes(title_text=f"called {escape(positive)} that is", range=[0, _END], tickformat=".0%")
    shown = "" if average is None else f", average {average:.3f}"
    return styled(figure, f"Precision against recall{shown}", height=320)


def calibration_chart(bins: Sequence[Mapping[str, float]], error: float | None, positive: str) -> go.Figure:
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
    figure.update_xaxes(title_text=f"p({escape(positive)}), calibrated", range=[0, _END], tickformat=".0%")
    figure.update_yaxes(title_text=f"share that is {escape(positive)}", range=[1 - _END, _END], tickformat=".0%")
    shown = "" if error is None else f": {100 * error:.1f} points off on average"
    return styled(figure, f"Are the percentages true{shown}", height=320)


def groups_chart(groups: Sequence[Mapping[str, Any]], word: str) -> go.Figure:
    """Draw the share of right calls of each group, the worst first, see `group_figures`."""
    shown = groups[:_MOST_GROUPS]
    figure = go.Figure(
        go.Bar(
            x=[row["accuracy"] for row in shown],
            y=[escape(row["group"]) for row in shown],
            customdata=[[row["n"], escape(row["classes"])] for row in shown],
            error_x=_around([row["accuracy"] for row in shown], shown),
            orientation="h",
            marker={"color": ACCENT, "opacity": 0.6},  # so that the interval is seen on the bar
            hovertemplate="%{y}: %{x:.0%} of %{customdata[0]:,} cells right (%{customdata[1]})<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="right calls, % of cells", range=[0, _END], tickformat=".0%")
    figure.update_yaxes(type="category", autorange="reversed", title_text="")
    more = f", the worst {_MOST_GROUPS}" if len(groups) > _MOST_GROUPS else ""
    return styled(figure, f"Right calls on each unseen {word}{more}", height=140 + 24 * len(shown))


def learning_chart(points: Sequence[Mapping[str, Any]], words: str, n_classes: int) -> go.Figure:
    """Draw balanced accuracy on unseen groups against the number of groups that were learned from.

    Parameters
    ----------
    points : sequence of mapping
        ``learning_curve`` of the metrics of a head.
    words : str
        What groups are called, "slides".
    n_classes : int
        For the line that guessing reaches.
    """
    x, y = [point["n_groups"] for point in points], [point["balanced_accuracy"] for point in points]
    figure = go.Figure()
    chance = [1 / n_classes] * 2
    figure.add_scatter(
        x=[0, 1.05 * x[-1]], y=chance, mode="lines", line={"dash": "dot", "color": _GREY}, name="guessing"
    )
    figure.add_scatter(
        x=x,
        y=y,
        error_y=_around(y, points),
        customdata=[point["n_cells"] for point in points],
        mode="lines+markers",
        line={"color": ACCENT, "width": 2.5},
        marker={"size": 8},
        name=f"on unseen {escape(words)}, with 95 % interval",
        hovertemplate=f"%{{x:.1f}} {escape(words)}, %{{customdata:,.0f}} cells: %{{y:.0%}}<extra></extra>",
    )
    figure.update_xaxes(title_text=f"labelled {escape(words)} learned from, mean of folds", range=[0, 1.05 * x[-1]])
    figure.update_yaxes(title_text="balanced accuracy", range=[0, _END], tickformat=".0%")
    return styled(figure, f"Score against the number of labelled {words}", height=340)


def _around(values: Sequence[float], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return Plotly's error bars from `low` and `high` of rows; none where one has no interval."""
    ends = [(row.get("low"), row.get("high")) for row in rows]
    up = [0 if high is None else max(high - value, 0) for value, (_, high) in zip(values, ends, strict=True)]
    down = [0 if low is None else max(value - low, 0) for value, (low, _) in zip(values, ends, strict=True)]
    return {"type": "data", "array": up, "arrayminus": down, "thickness": 1.5, "width": 3, "color": _GREY}
