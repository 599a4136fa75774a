"""Charts of counts: pure functions from a table to a Plotly figure, all in one look.

The template fixes what is ours (margins, legend, class colours and patterns); colours of text and surface are left to
Streamlit's theme, so that every chart follows light and dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cellapp.rendering.colours import class_colour

FONT_PX = 13
ACCENT = "#2F6F8F"
PATTERNS = {"normal": "", "cancer": "/", "unsure": ".", "rejected": "x", "cell": ""}
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


def styled(figure: go.Figure, title: str, *, height: int = 320) -> go.Figure:
    """Put a figure into the common look, in place.

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
    """Return Plotly's configuration: a quiet bar whose camera saves SVG under `file_name` (without ending)."""
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


def share_chart(shares: pd.DataFrame, target: str, *, group_title: str = "image") -> go.Figure:
    """Draw the share of one class per group as bars with their 95 % interval.

    Parameters
    ----------
    shares : DataFrame
        One row per group: `group`, `n` (cells the share is of), `share`, `low`, `high` (0 to 1, unused where `n` is 0).
    target : str
        The class.
    group_title : str
        What a group is, "image" or the name of a condition.
    """
    known = shares[shares["n"] > 0]
    percent = known[["share", "low", "high"]] * 100
    figure = go.Figure(
        go.Bar(
            x=percent["share"],
            y=_safe(known["group"]),
            orientation="h",
            marker=fill(target, (target,)),
            error_x={
                "type": "data",
                "symmetric": False,
                "array": percent["high"] - percent["share"],
                "arrayminus": percent["share"] - percent["low"],
                "thickness": 2,
                "width": 5,
                "color": "#8A8A8A",
            },
            customdata=np.column_stack([percent["low"], percent["high"], known["n"]]),
            hovertemplate="%{y}: %{x:.0f} % (%{customdata[0]:.0f} to %{customdata[1]:.0f}) "
            "of %{customdata[2]:,} cells<extra></extra>",
        )
    )
    figure.update_xaxes(
        range=[0, 108], title_text=f"{target}, % of the cells with a sure call", ticksuffix=" %", dtick=25
    )
    figure.update_yaxes(type="category", autorange="reversed", title_text="")
    return styled(
        figure, f"{target.capitalize()} cells per {group_title}, with 95 % interval", height=_rows_height(len(known))
    )


def counts_chart(counts: pd.DataFrame, classes: Sequence[str], *, group_title: str = "image") -> go.Figure:
    """Stack how many cells of each outcome every group has.

    Parameters
    ----------
    counts : DataFrame
        Long: `group`, `outcome`, `n`.
    classes : sequence of str
        Classes of the head, for colours; the order of stacking is the order in which outcomes first appear.
    group_title : str
        What a group is.
    """
    figure = go.Figure()
    for outcome in counts["outcome"].unique():
        rows = counts[counts["outcome"] == outcome]
        figure.add_bar(
            x=rows["n"],
            y=_safe(rows["group"]),
            name=outcome,
            orientation="h",
            text=rows["n"].map(lambda n: f"{n:,}" if n else ""),
            textposition="inside",
            insidetextanchor="middle",
            marker=fill(outcome, classes),
            hovertemplate="%{y}: %{x:,} " + outcome + "<extra></extra>",
        )
    figure.update_layout(
        barmode="stack", showlegend=False, title_subtitle_text=_key(counts["outcome"].unique(), classes)
    )
    figure.update_xaxes(title_text="cells", tickformat=",d", dtick=whole_step(counts.groupby("group")["n"].sum().max()))
    figure.update_yaxes(type="category", autorange="reversed", title_text="")
    return styled(figure, f"Cells per {group_title}", height=_rows_height(counts["group"].nunique()))


def _key(outcomes: Sequence[str], classes: Sequence[str]) -> str:
    """Write the legend as a line of coloured signs and words: Plotly's own would wrap in a narrow column."""
    signs = {"/": "▨", "": "■", ".": "▩", "x": "▩"}
    words = []
    for name in outcomes:
        sign, colour = signs.get(pattern(name, classes), "▤"), class_colour(name, tuple(classes))
        words.append(f'<span style="color:{colour}">{sign}</span> {escape(name)}')
    return "  ".join(words)


def _safe(names: pd.Series) -> pd.Series:
    """Escape names given by people: Plotly reads a little HTML in its labels."""
    return names.astype(str).map(escape)


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


def _rows_height(n_rows: int) -> int:
    return int(np.clip(150 + 34 * n_rows, 200, 900))
