"""Growth curves as charts: one line per place, one colour per condition, and the fit of each condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from cellapp.evaluation.growth import FULL, Growth, pool_growth
from cellapp.exports.cluster_map import write_map
from cellapp.exports.growth import MEASURES, GrowthSeries, fit_sequence, measures_of, write_growth_tables
from cellapp.files import atomic_write
from cellapp.rendering.colours import cluster_colour
from cellapp.rendering.curve_figure import Curve, CurveFigure

_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star")
ALL, NONE_SAID = "all places", "no condition"
"""What places without a condition are called: where there are no others, and beside others."""


def write_growth(series: Sequence[GrowthSeries], out: Path) -> pd.DataFrame:
    """Write tables and charts of growth.

    Parameters
    ----------
    series : sequence of GrowthSeries
    out : Path
        Gets ``growth.csv``, ``doubling.csv`` and ``doubling_by_condition.csv`` (of covered area where it is known, and
        of cells), ``growth.html``, which opens without a network, and ``growth.svg``.

    Returns
    -------
    DataFrame
        Rows of ``growth.csv``.
    """
    growth = write_growth_tables(series, out)
    write_charts(growth, out)
    return growth


def growth_curves(growth: pd.DataFrame, measure: str) -> list[Curve]:
    """Return the lines of a chart.

    Parameters
    ----------
    growth : DataFrame
        See `cellapp.exports.growth.growth_rows`.
    measure : str
        One of `cellapp.exports.growth.MEASURES`.

    Returns
    -------
    list of Curve
        Per condition its places, then the fit where growth can be told from none; what is 0 has no place on a
        logarithmic axis and is left out.
    """
    conditions = enumerate(growth.groupby("condition", sort=True))
    return [
        curve
        for number, (condition, rows) in conditions
        for curve in _condition_curves(condition_name(str(condition), growth), number, rows, measure)
    ]


def _condition_curves(name: str, number: int, growth: pd.DataFrame, measure: str) -> list[Curve]:
    """Return the lines of the places of one condition, and that of the fit to all of them."""
    scale = 100.0 if measure == "confluency" else 1.0
    curves, fits, shown = [], [], []
    for place, rows in growth.groupby("sequence", sort=False):
        known = rows[rows[measure] > 0].sort_values("time_h")
        fits.append(fit_sequence(rows, measure))
        if len(known):
            shown.append(known)
            values = scale * known[measure].to_numpy(float)
            curves.append(Curve(name, number, str(place), known["time_h"].to_numpy(float), values))
    fitted = pool_growth(fits)
    if fitted.rate_per_h is not None and not fitted.note and shown:
        curves.append(_fit_curve(name, number, pd.concat(shown), measure, fitted, scale))
    return curves


def condition_name(condition: str, growth: pd.DataFrame) -> str:
    """Return what a condition is called beside the others of a table."""
    return condition or (NONE_SAID if growth["condition"].astype(bool).any() else ALL)


def _growth_sentence(name: str, fit: Growth) -> str:
    """Say how fast a condition grows, in a sentence."""
    if fit.rate_per_h is None:
        return f"{name}: no fit, {fit.note}."
    low, high = fit.doubling_limits_h
    if low is None or fit.doubling_h is None:
        return f"{name}: growth cannot be told from none."
    verb = "doubles in" if fit.rate_per_h > 0 else "halves in"
    low, high = sorted((abs(low), abs(high)))
    over = f"{fit.n} places" if fit.n > 1 else "one place"
    return f"{name} {verb} {abs(fit.doubling_h):.1f} h ({low:.1f} to {high:.1f}, {over})."


def sentences(growth: pd.DataFrame, measure: str) -> list[str]:
    """Say how fast each condition grows by a measure."""
    found = []
    for condition, part in growth.groupby("condition", sort=True):
        fits = [fit_sequence(rows, measure) for _, rows in part.groupby("sequence", sort=False)]
        pooled = pool_growth(fits)
        if pooled.rate_per_h is None and len({fit.note for fit in fits}) == 1:
            pooled = replace(pooled, note=fits[0].note)
        found.append(_growth_sentence(condition_name(str(condition), growth), pooled))
    return found


def growth_figure(growth: pd.DataFrame, measure: str) -> go.Figure:
    """Draw a measure over time, on a logarithmic axis, where exponential growth is a straight line."""
    figure, named = go.Figure(), set()
    unit = " %" if measure == "confluency" else ""
    for curve in growth_curves(growth, measure):
        figure.add_scatter(
            x=curve.x,
            y=curve.y,
            name=escape(curve.name),
            legendgroup=curve.name,
            showlegend=curve.name not in named,
            hovertemplate=f"{escape(curve.place or 'fit')}<br>%{{x:.1f}} h: %{{y:.3g}}{unit}<extra></extra>",
            **_line_style(curve),
        )
        named.add(curve.name)
    figure.update_xaxes(title_text="time, h")
    ticks = _log_ticks([y for trace in figure.data for y in trace.y])
    written = {"tickvals": ticks, "ticktext": [f"{tick:,g}" for tick in ticks]}
    figure.update_yaxes(title_text=axis_title(measure), type="log", **written)
    return figure


def _log_ticks(values: Sequence[float]) -> list[float]:
    """Return 1, 2 and 5 times powers of ten about some values: Plotly would write 20 and 50 as 2 and 5."""
    seen = [value for value in values if value is not None and np.isfinite(value) and value > 0]
    if not seen:
        return []
    low, high = min(seen) / 2, max(seen) * 2
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5)]
    return [tick for tick in ticks if low <= tick <= high]


def _line_style(curve: Curve) -> dict[str, Any]:
    """Return how a line is drawn: the fit of a condition thick and dashed, its places thin with markers."""
    colour, fit = cluster_colour(curve.group), curve.place == ""
    dash = _DASHES[curve.group % len(_DASHES)] if fit else "solid"
    return {
        "mode": "lines" if fit else "lines+markers",
        "line": {"color": colour, "width": 3 if fit else 1, "dash": dash},
        "opacity": 1.0 if fit else 0.75,
        "marker": {"color": colour, "size": 6, "symbol": _SYMBOLS[curve.group % len(_SYMBOLS)]},
    }


def axis_title(measure: str) -> str:
    """Return what stands at the axis of a measure."""
    return "covered area, % of the image" if measure == "confluency" else "cells in the image"


def write_charts(growth: pd.DataFrame, out: Path) -> None:
    """Write ``growth.html`` and ``growth.svg`` of the first measure, and the same with ``_cells`` of a second one."""
    for measure, suffix in zip(measures_of(growth), ("", "_cells"), strict=False):
        title = f"{MEASURES[measure]} over time"
        said = " ".join(sentences(growth, measure))
        write_map(growth_figure(growth, measure), out / f"growth{suffix}.html", f"{title}. {said}")
        figure = CurveFigure(title, "time, h", axis_title(measure), growth_curves(growth, measure), said)
        with atomic_write(out / f"growth{suffix}.svg") as part:
            part.write_text(figure.svg(), encoding="utf-8")


def _fit_curve(name: str, number: int, rows: pd.DataFrame, measure: str, fit: Growth, scale: float) -> Curve:
    """Return the line of a condition's mean rate through the middle of its points, until a place is full."""
    grows = rows[rows[measure] < FULL] if measure == "confluency" else rows
    times = np.array([grows["time_h"].min(), grows["time_h"].max()])
    level = float(np.log(grows[measure].astype(float)).mean()) - fit.rate_per_h * float(grows["time_h"].mean())
    return Curve(name, number, "", times, scale * np.exp(level + fit.rate_per_h * times))
