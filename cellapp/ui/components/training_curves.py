"""Curves of a segmenter's training: loss, and Dice and IoU of the foreground, by epoch."""

from __future__ import annotations

import math
from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from cellapp.models.training_curves import Epoch, TrainingCurves, read_curves
from cellapp.rendering.colours import FURTHER_COLOURS
from cellapp.ui.components.charts import ACCENT, chart_config, styled

_HEIGHT_PX = 240
_TITLES = {"dice": "Dice", "iou": "IoU", "loss": "Loss"}


def training_curves(folder: Path, key: str) -> None:
    """Draw the curves kept in a network's folder; nothing where there are none.

    Parameters
    ----------
    folder : Path
    key : str
        Of the charts.
    """
    curves = read_curves(folder)
    if curves is None:
        return
    grid = st.grid(3, min_column_width=200, gap="small")
    for name in _TITLES:
        with grid.cell():
            st.plotly_chart(curve_chart(curves, name), key=f"{key}_{name}", config=chart_config(f"training_{name}"))
    st.caption(f"{curves.sentence}.")


def curve_chart(curves: TrainingCurves, name: str) -> go.Figure:
    """Draw one value by epoch: on held-out images as a line, on training crops dotted.

    Parameters
    ----------
    curves : TrainingCurves
    name : {"dice", "iou", "loss"}
        The first two are of the foreground; the loss is that of training crops.
    """
    figure = go.Figure()
    lowest = min(
        _line(figure, curves.epochs, f"held_out_{name}", "held out", ACCENT, "solid"),
        _line(figure, curves.epochs, name, "training", FURTHER_COLOURS[0], "dot"),
    )
    if name == "loss":
        figure.update_yaxes(rangemode="tozero")
    else:
        figure.update_yaxes(range=[math.floor(10 * lowest) / 10, 1.01])
    figure.update_xaxes(title_text="epoch", rangemode="tozero")
    return styled(figure, _TITLES[name], height=_HEIGHT_PX)


def _line(figure: go.Figure, epochs: tuple[Epoch, ...], value: str, name: str, colour: str, dash: str) -> float:
    """Add a line where there are values; return the lowest, or 1."""
    points = [(one.number, given) for one in epochs if (given := getattr(one, value, None)) is not None]
    if points:
        figure.add_scatter(
            x=[epoch for epoch, _ in points],
            y=[given for _, given in points],
            mode="lines+markers",
            name=name,
            line={"dash": dash, "width": 2, "color": colour},
            marker={"size": 5},
            showlegend=True,
            hovertemplate=f"{name}, epoch %{{x}}: %{{y:.3f}}<extra></extra>",
        )
    return min((given for _, given in points), default=1.0)
