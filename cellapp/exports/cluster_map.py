"""Clusters as a map with one point per cell, for the page and for map.html."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
import plotly.graph_objects as go

from cellapp.discovery.clustering import IN_NO_CLUSTER
from cellapp.files import atomic_write
from cellapp.rendering.colours import cluster_colour

_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "star", "cross", "pentagon", "hexagon", "triangle-down")


def cluster_name(cluster: int) -> str:
    """Return what a cluster is called before somebody names it; people count from 1."""
    return "in no cluster" if cluster == IN_NO_CLUSTER else f"cluster {cluster + 1}"


def cluster_map(xy: np.ndarray, labels: np.ndarray, names: Sequence[str], axes: tuple[str, str]) -> go.Figure:
    """Draw one point per cell; the number of the cell comes back as custom data of a selection.

    Parameters
    ----------
    xy : ndarray of shape (N, 2)
    labels : ndarray of shape (N,), int
        -1 is in no cluster.
    names : sequence of str
        What is shown of each cell when the pointer is on it.
    axes : tuple of str
        Titles.
    """
    figure, size = go.Figure(), float(np.clip(11 - 1.6 * np.log10(max(len(xy), 10)), 3, 9))
    texts = np.array([escape(name) for name in names], dtype=object)
    for cluster in np.unique(labels):
        rows = np.flatnonzero(labels == cluster)
        symbol = "x-thin-open" if cluster == IN_NO_CLUSTER else _SYMBOLS[cluster % len(_SYMBOLS)]
        figure.add_scattergl(
            x=xy[rows, 0],
            y=xy[rows, 1],
            mode="markers",
            name=f"{cluster_name(cluster)} ({len(rows):,})",
            customdata=rows.astype(np.float64)[:, None],
            text=texts[rows],
            marker={"color": cluster_colour(cluster), "symbol": symbol, "size": size},
            hovertemplate="%{text}<extra></extra>",
        )
    figure.update_xaxes(title_text=axes[0], showgrid=False, zeroline=False)
    figure.update_yaxes(title_text=axes[1], showgrid=False, zeroline=False)
    return figure


def write_map(figure: go.Figure, path: Path, title: str) -> Path:
    """Write a figure as one page that opens without a network."""
    figure = go.Figure(figure).update_layout(title_text=escape(title), template="plotly_white", height=720)
    with atomic_write(path) as part:
        part.write_text(figure.to_html(include_plotlyjs=True, full_html=True), encoding="utf-8")
    return path
