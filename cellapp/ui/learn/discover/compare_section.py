"""Clusters beside what is known of the cells, cells like no other, and what an autoencoder has learned."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from cellapp.explanation.finding_sentences import p_text
from cellapp.exports.cluster_map import cluster_name
from cellapp.rendering.colours import cluster_colour
from cellapp.ui.components.charts import ACCENT, chart_config, styled
from cellapp.ui.components.forms import label
from cellapp.ui.components.messages import escape
from cellapp.ui.learn.discover.cluster_strips import show_cells
from cellapp.ui.learn.discover.found import Found

_OUTLIERS = 24


def known_section(found: Found) -> None:
    """Draw clusters by the values of a column in percent, with what may be concluded."""
    columns = list(found.indices["columns"])
    if not columns:
        st.caption("Nothing is known of these cells to compare with: type conditions in on Upload, or label cells.")
        return
    differ = [name for name in columns if found.indices["columns"][name]["chi_square"] is not None]
    columns = differ + [name for name in columns if name not in differ]  # what there is something to say of first
    column = st.selectbox("Compare with", columns, format_func=lambda name: label(str(name)), key="discover_column")
    about = found.indices["columns"][column]
    st.markdown(escape(about["sentence"]))
    _share_table(found.tables[found.tables["column"] == column], column)
    if about["chi_square"] is not None:
        by_images = "not testable" if about["p_images"] is None else p_text(about["p_images"])
        st.caption(
            f"Chi-square {about['chi_square']:,.1f}, degrees of freedom: {about['degrees']}. Across images: "
            f"{by_images}. As if cells were independent, which they are not: {p_text(about['p_cells'])}."
        )


def _share_table(table: pd.DataFrame, column: str) -> None:
    """Draw the shares with the shorter side in columns: half a page has room for few."""
    wide, counts = table.pivot(index="cluster", columns="value", values="percent"), table.groupby("cluster")["n"].sum()
    wide.index = [f"{cluster_name(cluster).capitalize()} ({counts[cluster]:,})" for cluster in wide.index]
    across = len(wide.columns) <= len(wide)
    shown = wide if across else wide.T
    shares = {
        str(name): st.column_config.ProgressColumn(str(name), format="%.0f %%", min_value=0, max_value=100)
        for name in shown.columns
    }
    st.dataframe(
        shown.reset_index(names="of"),
        hide_index=True,
        column_config={"of": st.column_config.TextColumn("Cluster" if across else label(column)), **shares},
        alt=f"Share of each value of {column} in each cluster, in percent",
    )


def batch_section(found: Found) -> None:
    """Draw how well each column can be told from cells of images that were not looked at."""
    columns = found.indices["columns"]
    if not columns:
        return
    corrected = any(about["after"] for about in columns.values())
    rows = [_batch_row(name, about["before"], about["after"]) for name, about in columns.items()]
    st.dataframe(
        pd.DataFrame(rows).drop(columns=["note"] if corrected else ["note", "after"]),
        hide_index=True,
        placeholder="",
        column_config=_batch_columns(),
        alt="How well each column is told from held-out images",
    )
    reasons = dict.fromkeys(row["note"] for row in rows if row["note"])
    for reason in reasons:  # whole sentences, which a column would cut off
        names = ", ".join(row["column"] for row in rows if row["note"] == reason)
        st.caption(escape(f"{names}: not told, as {reason}."))
    st.caption("A batch that is told as well as the biology may be what the clusters are.")


def _batch_row(name: str, before: dict, after: dict | None) -> dict[str, str]:
    return {
        "column": label(name),
        "told": _percent(before["held_out_accuracy"]),
        "after": _percent(after and after["held_out_accuracy"]),
        "chance": _percent(before["chance"]),
        "mixing": _before_after(before, after, "mixing", ".2f"),
        "accepted": _before_after(before, after, "accepted", ".0%").replace("%", " %"),
        "note": before["reason"],
    }


def _batch_columns() -> dict[str, Any]:
    """Return heading and explanation of each column of `_batch_row`."""
    texts = {
        "told": ("Told", "Balanced accuracy on images that were not learned from."),
        "after": ("After", "The same after what differs between batches is taken out."),
        "mixing": ("Mixing", "0: neighbours share the value; 1: as mixed as all cells."),
        "accepted": ("Accepted", "k-BET: cells whose 30 neighbours a test does not tell from all cells."),
    }
    explained = {name: st.column_config.TextColumn(title, help=text) for name, (title, text) in texts.items()}
    return {"column": "Column", "chance": "Chance", **explained}


def _before_after(before: dict, after: dict | None, name: str, form: str) -> str:
    """Write a figure before the correction, and after it where there is one."""
    said = [format(one[name], form) for one in (before, after) if one and one.get(name) is not None]
    return " → ".join(said)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.0f} %"


def outlier_section(found: Found) -> None:
    """Draw cells that are like no other, farthest first."""
    cells = found.cells[found.cells["outlier"]].sort_values("distance", ascending=False)
    if cells.empty:
        st.caption("No cell lies far from every cluster.")
        return
    st.caption(
        f"{len(cells):,} cells lie far from every cluster, farthest first: debris, doublets, mitoses, or something new."
    )
    shown = cells.head(_OUTLIERS)
    show_cells(found, shown, [cluster_colour(int(cluster)) for cluster in shown["cluster"]])


def autoencoder_section(found: Found) -> None:
    """Draw how training went, reconstructions and walks; nothing where there is no autoencoder."""
    card = found.indices.get("vae")
    if not card:
        return
    st.subheader("What the autoencoder learned")
    st.markdown(_worth(card["held_out_error"], card["mean_image_error"]))
    halves = st.grid(2, min_column_width=380, gap="medium")
    with halves.cell():
        st.plotly_chart(
            _curve_chart(pd.read_csv(found.folder / "vae" / "curves.csv"), card["mean_image_error"]),
            key="discover_curves",
            config=chart_config("discover_curves"),
            alt="Error of the autoencoder on held-out cells after each pass",
        )
        st.image(str(found.folder / "vae" / "reconstructions.png"), caption="Cells above, what it makes of them below")
    with halves.cell():
        steps = card["walk_steps"]
        st.image(
            str(found.folder / "vae" / "walks.png"),
            caption=f"A row per latent number, from {steps[0]:g} to {steps[-1]:g} standard deviations of the cells",
            width="stretch",
        )


def _worth(error: float, mean_image_error: float) -> str:
    """Return in a sentence what the latent numbers of an autoencoder are worth."""
    better = error < mean_image_error
    return (
        f"On cells it had not seen its mean squared error is {error:.4f}, {'less' if better else 'no less'} than that "
        f"of the mean picture ({mean_image_error:.4f})."
        + ("" if better else " Clusters in it mean little: train longer, or on more cells.")
    )


def _curve_chart(curves: pd.DataFrame, mean_error: float) -> go.Figure:
    figure = go.Figure()
    figure.add_scatter(
        x=curves["epoch"],
        y=curves["held_out_error"],
        mode="lines+markers",
        line={"color": ACCENT, "width": 2},
        name="held-out cells",
        hovertemplate="epoch %{x}: %{y:.4f}<extra></extra>",
    )
    figure.add_hline(y=mean_error, line={"dash": "dot", "color": "#8A8A8A"}, annotation_text="mean picture")
    figure.update_xaxes(title_text="epoch")
    figure.update_yaxes(title_text="mean squared error", rangemode="tozero")
    return styled(figure, "Error on cells it did not see", height=300)
