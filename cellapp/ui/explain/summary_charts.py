"""What a head looks for over all cells, as charts and as sentences: pure functions of the measured table.

The table is that of `cellapp.jobs.summarise_explanations` with `outcome` and `area` of each cell beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy.stats import spearmanr

from cellapp.cells.counts import UNSURE
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
    SUM,
)
from cellapp.rendering.colours import CLASS_COLOURS, class_colour
from cellapp.ui.components.charts import ACCENT, fill, styled
from cellapp.ui.components.scatters import point_size, symbol

PLACE_NAMES = {NUCLEUS: "Nucleus", CYTOPLASM: "Cytoplasm", CELL: "Inside", EDGE: "Edge", OUTSIDE: "Outside"}
_FEW = 3  # fewer cells have neither an interval nor a correlation
_HEIGHT = 300


def places_of(table: pd.DataFrame) -> list[str]:
    """Return the places that the cells of the table have, from the middle outwards."""
    return [place for place in COMPARTMENTS if table[f"{AREA}{place}"].fillna(0).gt(0).any()]


def effects_of(table: pd.DataFrame) -> dict[str, str]:
    """Return channel name -> column of its effect; empty for images of one channel."""
    return {name.removeprefix(EFFECT): name for name in table.columns if name.startswith(EFFECT)}


def place_figure(table: pd.DataFrame, classes: Sequence[str], target: str) -> go.Figure:
    """Draw how far each place of a cell pushes the logit of a class, per call, with the mean's 95 % interval."""
    columns = {PLACE_NAMES[place]: f"{SUM}{place}" for place in places_of(table)}
    return _means(table, columns, classes, f"Where cells speak for {target} (up) or against it (down)")


def channel_figure(table: pd.DataFrame, classes: Sequence[str], target: str) -> go.Figure:
    """Draw what each channel adds to the logit of a class: with it minus without it, per call."""
    columns = {escape(name): column for name, column in effects_of(table).items()}
    return _means(table, columns, classes, f"What each channel adds to {target}")


def share_figure(table: pd.DataFrame, target: str) -> go.Figure:
    """Draw the share of all that speaks for a class by place, beside the place's share of the picture."""
    places = places_of(table)
    names = [PLACE_NAMES[place] for place in places]
    shares, areas = for_shares(table), area_shares(table)
    figure = go.Figure()
    looks = (
        (f"of what speaks for {target}", shares, {"color": ACCENT}),
        ("of the picture", areas, {"color": CLASS_COLOURS["unsure"], "pattern": {"shape": "."}}),
    )
    for name, values, marker in looks:
        figure.add_bar(x=names, y=[values[place] * 100 for place in places], name=name, marker=marker)
    figure.update_traces(hovertemplate="%{x}: %{y:.0f} %<extra></extra>")
    figure.update_yaxes(title_text="share", ticksuffix=" %", rangemode="tozero")
    return styled(figure, f"Share of what speaks for {target}", height=_HEIGHT)


def energy_figure(table: pd.DataFrame, classes: Sequence[str], unit: str) -> go.Figure:
    """Draw how loud each cell's map is against the cell's size."""
    figure = go.Figure()
    for name, rows in _by_call(table, classes):
        figure.add_scattergl(
            x=rows["area"],
            y=rows["energy"],
            mode="markers",
            name=f"{name} ({len(rows):,})",
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
    return styled(figure, "How loud maps are, by cell size", height=_HEIGHT)


def for_shares(table: pd.DataFrame) -> dict[str, float]:
    """Return each place's share, 0 to 1, of all that speaks for the class; 0 everywhere when nothing does."""
    sums = {place: float(table[f"{FOR}{place}"].sum()) for place in COMPARTMENTS}
    total = sum(sums.values())
    return {place: value / total if total else 0.0 for place, value in sums.items()}


def area_shares(table: pd.DataFrame) -> dict[str, float]:
    """Return each place's mean share of the picture, 0 to 1; a place a cell does not have counts as nothing."""
    return {place: float(table[f"{AREA}{place}"].fillna(0).mean()) for place in COMPARTMENTS}


def overview_words(table: pd.DataFrame, target: str) -> str:
    """Say in plain words what the measured cells have in common; only what was measured."""
    shares, areas = for_shares(table), area_shares(table)
    top = max(shares, key=shares.__getitem__)
    said = []
    if shares[top]:
        said.append(
            f"Of all that speaks for {target}, {shares[top] * 100:.0f} % lies {COMPARTMENT_NAMES[top]}, "
            f"which is {areas[top] * 100:.0f} % of the picture."
        )
    effects = table[list(effects_of(table).values())].abs().mean()
    if effects.notna().any():
        name = str(effects.idxmax()).removeprefix(EFFECT)
        said.append(f"Without the channel {name} the logit moves most, by {effects.max():.1f} on average.")
    if len(table) >= _FEW and table["area"].nunique() > 1 and table["energy"].nunique() > 1:
        said.append(_size_words(float(spearmanr(table["area"], table["energy"]).statistic)))
    return " ".join(said)


def _size_words(correlation: float) -> str:
    number = f"rank correlation {correlation:.2f}".replace("-", "\N{MINUS SIGN}")
    if abs(correlation) < 0.3:
        return f"Maps are about as loud in small cells as in large ones ({number})."
    return f"Maps are louder in {'large' if correlation > 0 else 'small'} cells ({number})."


def _by_call(table: pd.DataFrame, classes: Sequence[str]) -> list[tuple[str, pd.DataFrame]]:
    calls = [(name, table[table["outcome"] == name]) for name in (*classes, UNSURE)]
    return [(name, rows) for name, rows in calls if len(rows)]


def _means(table: pd.DataFrame, columns: Mapping[str, str], classes: Sequence[str], title: str) -> go.Figure:
    figure = go.Figure()
    for name, rows in _by_call(table, classes):
        values = rows[list(columns.values())]
        n = values.notna().sum()
        half = (1.96 * values.std() / np.sqrt(n)).where(n >= _FEW, 0)
        figure.add_bar(
            x=list(columns),
            y=values.mean(),
            name=f"{name} ({len(rows):,})",
            marker=fill(name, classes),
            error_y={"type": "data", "array": half, "thickness": 2, "width": 4, "color": "#8A8A8A"},
            customdata=half,
            hovertemplate="%{x}: %{y:+.2f} logit (± %{customdata:.2f})<extra>" + escape(name) + "</extra>",
        )
    figure.update_yaxes(title_text="mean per cell, logit", zeroline=True, zerolinewidth=1)
    return styled(figure, title, height=_HEIGHT)
