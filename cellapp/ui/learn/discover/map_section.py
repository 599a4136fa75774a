"""The map of the cells, what was found in one sentence, and the chart that chose the number of clusters."""

from __future__ import annotations

from html import escape

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from cellapp.discovery.cluster_number import STEADY
from cellapp.exports.cluster_map import cluster_map
from cellapp.ui.components.charts import ACCENT, chart_config, styled
from cellapp.ui.components.messages import escape as in_markdown
from cellapp.ui.components.scatters import selected_rows
from cellapp.ui.learn.discover.found import Found
from cellapp.ui.learn.discover.search_form import LAYOUTS

_INDICES = {
    "silhouette": ("Silhouette", "higher is better, at most 1"),
    "stability": ("Stability", "1: the same clusters in random parts of the cells"),
    "davies_bouldin": ("Davies-Bouldin", "lower is better"),
    "calinski_harabasz": ("Calinski-Harabasz", "higher is better"),
    "bic": ("BIC", "lower is better"),
}


def headline(found: Found) -> None:
    """Draw the answer: how many clusters, why, and how far it holds."""
    k, n = found.indices["k"], found.indices["n_cells"]
    clusters = "One cluster" if k == 1 else f"{k} clusters"
    st.subheader(f"{clusters} among {n:,} {'cell' if n == 1 else 'cells'}")
    parts = [str(found.indices["reason"])]
    if found.indices["in_no_cluster"]:
        parts.append(f"{found.indices['in_no_cluster']:,} cells are in no cluster.")
    stability = found.indices["stability"]
    if stability is not None and stability < STEADY:
        parts.append(f"Clusters shift with the cells that are taken (stability {stability:.2f}): read them loosely.")
    st.markdown(in_markdown(" ".join(parts)))


def map_section(found: Found) -> list[int]:
    """Draw the map; returns the rows of the cells that were circled."""
    cells = found.cells
    names = cells["stem"] + ", cell " + cells["cell_id"].astype(str)
    axes = tuple(found.indices["axes"])
    figure = cluster_map(cells[["x", "y"]].to_numpy(), cells["cluster"].to_numpy(), names.tolist(), axes)
    figure.update_layout(dragmode="lasso")
    layout = LAYOUTS[found.indices["layout"]]
    event = st.plotly_chart(
        styled(figure, f"Cells that are alike lie together ({layout})", height=560),
        key=f"discover_map_{found.request.key}",
        config=chart_config("discover_map"),
        on_select="rerun",
        selection_mode=("box", "lasso"),
        alt=f"{len(cells):,} cells as points, coloured by cluster; draw round some to see them",
    )
    return selected_rows(event)


def number_section(found: Found) -> None:
    """Draw the indices of each number of clusters that was tried."""
    tried = pd.DataFrame(found.indices["per_k"])
    offered = [name for name in _INDICES if name in tried and tried[name].notna().sum() > 1]
    if not offered:
        st.caption("One clustering was tried; there is nothing to choose from.")
        return
    name = st.segmented_control(
        "Index",
        offered,
        default="bic" if "bic" in offered else offered[0],
        required=True,
        format_func=lambda one: _INDICES[str(one)][0],
        key="discover_index",
        label_visibility="collapsed",
    )
    title, note = _INDICES[str(name)]
    st.plotly_chart(
        _number_chart(tried.dropna(subset=[name]), str(name), title, int(found.indices["k"]), note),
        key="discover_numbers",
        config=chart_config("discover_numbers"),
        alt=f"{title} for each number of clusters that was tried",
    )


def _number_chart(tried: pd.DataFrame, name: str, title: str, k: int, note: str) -> go.Figure:
    chosen = tried["k"] == k
    figure = go.Figure()
    figure.add_scatter(
        x=tried["k"],
        y=tried[name],
        mode="lines+markers",
        line={"color": ACCENT, "width": 2},
        marker={
            "size": [12 if c else 7 for c in chosen],
            "symbol": ["diamond" if c else "circle" for c in chosen],
        },
        hovertemplate="%{x} clusters: %{y:,.4~r}<extra></extra>",
        showlegend=False,
    )
    figure.update_xaxes(title_text="clusters (diamond: shown)", dtick=1)
    figure.update_yaxes(title_text=escape(f"{title}, {note}"), tickformat=",")
    return styled(figure, "How many clusters", height=320)
