"""Charts of cells per group of images: the share of one class, and the number of cells of each outcome."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cellapp.rendering.colours import class_colour
from cellapp.ui.components.charts import fill, pattern, styled, whole_step
from cellapp.ui.components.messages import capital

_NAME_SIGNS = 24
_BESIDE_NAME = 4  # the sign, a space and two spaces after the name
_LINE_SIGNS = 62  # that a line of the legend has room for in a narrow column


def share_chart(shares: pd.DataFrame, target: str, classes: Sequence[str], *, group_title: str = "image") -> go.Figure:
    """Draw the share of one class per group as bars with their 95 % interval.

    Parameters
    ----------
    shares : DataFrame
        One row per group: `group`, `n` (cells the share is of), `share`, `low`, `high` (0 to 1, unused where `n` is 0).
    target : str
        The class.
    classes : sequence of str
        Classes of the head, for the colour.
    group_title : str
        What a group is, "image" or the name of a condition.
    """
    called = shares[shares["n"] > 0]
    percent = called[["share", "low", "high"]] * 100
    figure = go.Figure(
        go.Bar(
            x=percent["share"],
            y=_escaped(called["group"]),
            orientation="h",
            marker=fill(target, classes),
            error_x={
                "type": "data",
                "symmetric": False,
                "array": percent["high"] - percent["share"],
                "arrayminus": percent["share"] - percent["low"],
                "thickness": 2,
                "width": 5,
                "color": "#8A8A8A",
            },
            customdata=np.column_stack([percent["low"], percent["high"], called["n"]]),
            hovertemplate="%{y}: %{x:.0f} % (%{customdata[0]:.0f} to %{customdata[1]:.0f}) "
            "of %{customdata[2]:,} cells<extra></extra>",
        )
    )
    figure.update_xaxes(range=[0, 108], title_text="% of the cells with a sure call", ticksuffix=" %", dtick=25)
    _name_groups(figure, called["group"])
    return styled(
        figure,
        f"{capital(target)} cells per {group_title}, with 95 % interval",
        height=_rows_height(len(called)),
    )


def counts_chart(
    counts: pd.DataFrame, classes: Sequence[str], *, group_title: str = "image", what: str = "Cells"
) -> go.Figure:
    """Stack how many cells of each outcome every group has.

    Parameters
    ----------
    counts : DataFrame
        Long: `group`, `outcome`, `n`.
    classes : sequence of str
        Classes of the head, for colours; the order of stacking is the order in which outcomes first appear.
    group_title : str
        What a group is.
    what : str
        What is counted, the first words of the title.
    """
    figure = go.Figure()
    for outcome in counts["outcome"].unique():
        rows = counts[counts["outcome"] == outcome]
        figure.add_bar(
            x=rows["n"],
            y=_escaped(rows["group"]),
            name=escape(outcome),
            orientation="h",
            text=rows["n"].map(lambda n: f"{n:,}" if n else ""),
            textposition="inside",
            insidetextanchor="middle",
            marker=fill(outcome, classes),
            hovertemplate="%{y}: %{x:,} " + escape(outcome) + "<extra></extra>",
        )
    figure.update_layout(
        barmode="stack", showlegend=False, title_subtitle_text=_legend(counts["outcome"].unique(), classes)
    )
    figure.update_xaxes(title_text="cells", tickformat=",d", dtick=whole_step(counts.groupby("group")["n"].sum().max()))
    _name_groups(figure, counts["group"])
    return styled(figure, f"{what} per {group_title}", height=_rows_height(counts["group"].nunique()))


def _legend(outcomes: Sequence[str], classes: Sequence[str]) -> str:
    """Write the legend as lines of coloured signs and words: Plotly's own would take a row each in a narrow column."""
    signs = {"/": "▨", "": "■", ".": "▩", "x": "▩", "|": "▥"}
    lines: list[list[str]] = [[]]
    room = _LINE_SIGNS
    for name in outcomes:
        taken = len(name) + _BESIDE_NAME
        if taken > room and lines[-1]:
            lines.append([])
            room = _LINE_SIGNS
        room -= taken
        sign, colour = signs.get(pattern(name, classes), "▤"), class_colour(name, tuple(classes))
        lines[-1].append(f'<span style="color:{colour}">{sign}</span> {escape(name)}')
    return "<br>".join("  ".join(line) for line in lines)


def _name_groups(figure: go.Figure, groups: pd.Series) -> None:
    """Write the names of groups beside their bars, long ones without their middle: the bars need the room."""
    names = groups.astype(str).unique()
    short = [name if len(name) <= _NAME_SIGNS else f"{name[: _NAME_SIGNS - 11]}…{name[-10:]}" for name in names]
    figure.update_yaxes(type="category", autorange="reversed", title_text="", tickmode="array")
    figure.update_yaxes(tickvals=[escape(name) for name in names], ticktext=[escape(name) for name in short])


def _escaped(names: pd.Series) -> pd.Series:
    """Escape names of images and conditions: Plotly reads some HTML in its labels."""
    return names.astype(str).map(escape)


def _rows_height(n_rows: int) -> int:
    return int(np.clip(150 + 34 * n_rows, 200, 900))
