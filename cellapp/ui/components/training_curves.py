"""Curves of a segmenter's training: loss, and Dice and IoU of the foreground, by epoch."""

from __future__ import annotations

from pathlib import Path

import plotly.graph_objects as go
import streamlit as st

from cellapp.models.training_curves import Epoch, TrainingCurves, read_curves
from cellapp.rendering.colours import FURTHER_COLOURS
from cellapp.ui.components.charts import ACCENT, chart_config, styled

_MEASURES = {"dice": ("Dice", ACCENT), "iou": ("IoU", FURTHER_COLOURS[0])}
_HEIGHT_PX = 300


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
    st.markdown("**Training**")
    grid = st.grid(2, min_column_width=260, gap="small")
    for name, figure in (("agreement", agreement_chart(curves)), ("loss", loss_chart(curves))):
        with grid.cell():
            st.plotly_chart(figure, key=f"{key}_{name}", config=chart_config(f"training_{name}"))
    st.caption(f"{curves.sentence}.")


def agreement_chart(curves: TrainingCurves) -> go.Figure:
    """Draw Dice and IoU by epoch: of held-out images as lines, of training crops dotted."""
    figure = go.Figure()
    for name, (title, colour) in _MEASURES.items():
        _line(figure, curves.epochs, f"held_out_{name}", f"{title}, held out", colour, "solid")
        _line(figure, curves.epochs, name, f"{title}, training", colour, "dot")
    figure.update_yaxes(title_text="foreground", range=[0, 1.01])
    return _by_epoch(figure, "Dice and IoU")


def loss_chart(curves: TrainingCurves) -> go.Figure:
    """Draw the mean loss of each epoch."""
    figure = go.Figure()
    _line(figure, curves.epochs, "loss", "loss", ACCENT, "solid")
    figure.update_yaxes(title_text="loss", rangemode="tozero")
    return _by_epoch(figure, "Loss")


def _line(figure: go.Figure, epochs: tuple[Epoch, ...], value: str, name: str, colour: str, dash: str) -> None:
    points = [(one.number, getattr(one, value)) for one in epochs if getattr(one, value) is not None]
    if points:
        figure.add_scatter(
            x=[epoch for epoch, _ in points],
            y=[figure_of for _, figure_of in points],
            mode="lines+markers",
            name=name,
            line={"dash": dash, "width": 2, "color": colour},
            marker={"size": 5},
            showlegend=value != "loss",
            hovertemplate=f"{name}, epoch %{{x}}: %{{y:.3f}}<extra></extra>",
        )


def _by_epoch(figure: go.Figure, title: str) -> go.Figure:
    figure.update_xaxes(title_text="epoch", rangemode="tozero")
    return styled(figure, title, height=_HEIGHT_PX)
