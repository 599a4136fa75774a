"""Charts and sentences on what the calls of a whole run rest on: pure functions of the measured table.

The table is that of `cellapp.jobs.summarise_explanations` with the columns `outcome` and `area` added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy.stats import spearmanr

from cellapp.cells.counts import UNLIKE, UNSURE
from cellapp.explanation.channel_places import place_column
from cellapp.explanation.compartments import (
    AREA,
    CELL,
    COMPARTMENT_NAMES,
    COMPARTMENTS,
    CYTOPLASM,
    EDGE,
    EFFECT,
    FOR,
    NUCLEUS,
    OUTSIDE,
    RIM,
    SHARE,
    SUM,
)
from cellapp.images.channel_names import channel_phrase
from cellapp.rendering.colours import CLASS_COLOURS, class_colour
from cellapp.ui.components.charts import ACCENT, ON_SHADES, SHADES, fill, styled
from cellapp.ui.components.scatters import point_size, symbol

_NAMES = {NUCLEUS: "Nucleus", RIM: "Rim", CYTOPLASM: "Cytoplasm", CELL: "Inside", EDGE: "Edge", OUTSIDE: "Outside"}
_FEW = 3  # fewer cells have neither an interval nor a correlation
_HEIGHT = 300


def compartments_of(table: pd.DataFrame) -> list[str]:
    """Return the compartments that the cells of the table have, from the middle outwards."""
    return [name for name in COMPARTMENTS if table[f"{AREA}{name}"].fillna(0).gt(0).any()]


def effect_columns(table: pd.DataFrame) -> dict[str, str]:
    """Return channel name -> column of its effect; empty for images of one channel."""
    return {name.removeprefix(EFFECT): name for name in table.columns if name.startswith(EFFECT)}


def compartment_figure(table: pd.DataFrame, classes: Sequence[str], target: str) -> go.Figure:
    """Draw the mean sum of the map in each compartment, in logit units per outcome, with its 95 % interval."""
    columns = {_NAMES[name]: f"{SUM}{name}" for name in compartments_of(table)}
    return _means(table, columns, classes, f"Where cells speak for {target} (up) or against it (down)")


def channel_figure(table: pd.DataFrame, classes: Sequence[str], target: str) -> go.Figure:
    """Draw what each channel adds to the logit of a class: the logit with it minus without it, per outcome."""
    columns = {escape(name): column for name, column in effect_columns(table).items()}
    return _means(table, columns, classes, f"What each channel adds to {target}")


def share_figure(table: pd.DataFrame, target: str) -> go.Figure:
    """Draw each compartment's share of the positive sum of the maps, beside its share of the area of the crops."""
    compartments = compartments_of(table)
    names = [_NAMES[name] for name in compartments]
    shares, areas = for_shares(table), area_shares(table)
    figure = go.Figure()
    bars = (
        (f"of what speaks for {target}", shares, {"color": ACCENT}),
        ("of the picture", areas, {"color": CLASS_COLOURS["unsure"], "pattern": {"shape": "."}}),
    )
    for name, values, marker in bars:
        figure.add_bar(x=names, y=[values[one] * 100 for one in compartments], name=escape(name), marker=marker)
    figure.update_traces(hovertemplate="%{x}: %{y:.0f} %<extra></extra>")
    figure.update_yaxes(title_text="share", ticksuffix=" %", rangemode="tozero")
    return styled(figure, f"Share of what speaks for {target}", height=_HEIGHT)


def channel_place_figure(table: pd.DataFrame) -> go.Figure | None:
    """Draw the mean share of each channel in each compartment; None where that was not measured."""
    places, names = compartments_of(table), list(effect_columns(table))
    if not names or place_column(SHARE, places[0], names[0]) not in table:
        return None
    shares = [[table[place_column(SHARE, place, name)].fillna(0).mean() * 100 for place in places] for name in names]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=[_NAMES[place] for place in places],
            y=[escape(name) for name in names],
            zmin=0,
            textfont=ON_SHADES,
            colorscale=SHADES,
            showscale=False,
            texttemplate="%{z:.0f} %",
            hovertemplate="%{y}, %{x}: %{z:.1f} %<extra></extra>",
            xgap=2,
            ygap=2,
        )
    )
    figure.update_xaxes(showgrid=False)
    figure.update_yaxes(showgrid=False, autorange="reversed")
    return styled(figure, "What channels change in the map, by place", height=_HEIGHT)


def energy_figure(table: pd.DataFrame, classes: Sequence[str], unit: str) -> go.Figure:
    """Draw the sum of the absolute values of each cell's map against the area of the cell."""
    figure = go.Figure()
    for name, rows in _by_outcome(table, classes):
        figure.add_scattergl(
            x=rows["area"],
            y=rows["energy"],
            mode="markers",
            name=f"{escape(name)} ({len(rows):,})",
            marker={
                "color": class_colour(name, tuple(classes)),
                "symbol": symbol(name, classes),
                "size": point_size(len(table)),
                "line": {"width": 1 if symbol(name, classes).endswith("open") else 0},
            },
            customdata=rows.index.to_numpy(),
            hovertemplate=f"cell %{{customdata}}: %{{x:,.0f}} {unit}, %{{y:.2f}} logit<extra></extra>",
        )
    figure.update_xaxes(title_text=f"area, {unit}", rangemode="tozero")
    figure.update_yaxes(title_text="sum of |map|, logit", rangemode="tozero")
    figure.update_layout(showlegend=True)
    return styled(figure, "How strong maps are, by cell size", height=_HEIGHT)


def for_shares(table: pd.DataFrame) -> dict[str, float]:
    """Return each compartment's share, 0 to 1, of the positive sum of the maps; 0 everywhere when that is 0."""
    sums = {name: float(table[f"{FOR}{name}"].sum()) for name in COMPARTMENTS}
    total = sum(sums.values())
    return {name: value / total if total else 0.0 for name, value in sums.items()}


def area_shares(table: pd.DataFrame) -> dict[str, float]:
    """Return each compartment's mean share of the crop's area, 0 to 1; 0 for a cell that does not have it."""
    return {name: float(table[f"{AREA}{name}"].fillna(0).mean()) for name in COMPARTMENTS}


def summary_sentences(table: pd.DataFrame, target: str) -> str:
    """Return what the measured cells have in common, as sentences."""
    shares, areas = for_shares(table), area_shares(table)
    top = max(shares, key=shares.__getitem__)
    sentences = []
    if shares[top]:
        sentences.append(
            f"Of all that speaks for {target}, {shares[top] * 100:.0f} % lies {COMPARTMENT_NAMES[top]}, "
            f"which is {areas[top] * 100:.0f} % of the picture."
        )
    effects = table[list(effect_columns(table).values())].abs().mean()
    if effects.notna().any():
        name = str(effects.idxmax()).removeprefix(EFFECT)
        sentences.append(f"Without {channel_phrase(name)} the logit moves most, by {effects.max():.1f} on average.")
    if len(table) >= _FEW and table["area"].nunique() > 1 and table["energy"].nunique() > 1:
        sentences.append(_size_sentence(float(spearmanr(table["area"], table["energy"]).statistic)))
    return " ".join(sentences)


def _size_sentence(correlation: float) -> str:
    number = f"rank correlation {correlation:.2f}".replace("-", "\N{MINUS SIGN}")
    if abs(correlation) < 0.3:
        return f"Maps are about as strong in small cells as in large ones ({number})."
    return f"Maps are stronger in {'large' if correlation > 0 else 'small'} cells ({number})."


def _by_outcome(table: pd.DataFrame, classes: Sequence[str]) -> list[tuple[str, pd.DataFrame]]:
    groups = [(name, table[table["outcome"] == name]) for name in (*classes, UNSURE, UNLIKE)]
    return [(name, rows) for name, rows in groups if len(rows)]


def _means(table: pd.DataFrame, columns: Mapping[str, str], classes: Sequence[str], title: str) -> go.Figure:
    figure = go.Figure()
    for name, rows in _by_outcome(table, classes):
        values = rows[list(columns.values())]
        n = values.notna().sum()
        half = (1.96 * values.std() / np.sqrt(n)).where(n >= _FEW, 0)
        figure.add_bar(
            x=list(columns),
            y=values.mean(),
            name=f"{escape(name)} ({len(rows):,})",
            marker=fill(name, classes),
            error_y={"type": "data", "array": half, "thickness": 2, "width": 4, "color": "#8A8A8A"},
            customdata=half,
            hovertemplate="%{x}: %{y:+.2f} logit (± %{customdata:.2f})<extra>" + escape(name) + "</extra>",
        )
    figure.update_yaxes(title_text="mean per cell, logit", zeroline=True, zerolinewidth=1)
    figure.update_layout(showlegend=True)  # of a single outcome, too
    return styled(figure, title, height=_HEIGHT)
