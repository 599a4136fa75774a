"""Plates as heat maps and dose responses as curves, for the page and for screen.html."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cellapp.population.dose_response import DoseResponse
from cellapp.population.layout import NEGATIVE, POSITIVE
from cellapp.population.screen import Screen, treatment_words
from cellapp.population.wells import PLATES, Well, parse_well, plate_shape
from cellapp.rendering.colours import CLUSTER_COLOURS

_SCALE = "Cividis"  # the same order in grey and for every kind of colour vision
_MARKS = {NEGATIVE: "\u2212", POSITIVE: "+"}
_PER_ROW_PX, _HEAD_PX = 22, 110
_GREY = "#858C94"  # legible on white and on black; no colour of a class


def plate_map(found: Screen, plate: str) -> go.Figure:
    """Draw the wells of a plate by their value; controls have a sign, wells without a value are left blank.

    Parameters
    ----------
    found : Screen
    plate : str
    """
    wells = found.wells[(found.wells["plate"] == plate) & (found.wells["well"] != "")]
    places = [parse_well(name) for name in wells["well"]]
    rows, columns = plate_shape(places) if places else PLATES[0]
    values, marks, texts = (np.full((rows, columns), blank, object) for blank in (np.nan, "", ""))
    for well, row in zip(places, wells.to_dict("records"), strict=True):
        at = well.row, well.column
        values[at], marks[at], texts[at] = row["value"], _MARKS.get(row["control"], ""), _well_text(row)
    figure = go.Figure(
        go.Heatmap(
            z=values.astype(float),
            x=[str(column + 1) for column in range(columns)],
            y=[Well(row, 0).row_name for row in range(rows)],
            text=marks,
            texttemplate="%{text}",
            customdata=texts,
            hovertemplate="%{customdata}<extra></extra>",
            colorscale=_SCALE,
            colorbar={"title": {"text": found.measure, "side": "right"}, "thickness": 14},
            xgap=1,
            ygap=1,
        )
    )
    figure.update_xaxes(type="category", side="top", showgrid=False, constrain="domain")
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False, scaleanchor="x", constrain="domain")
    return figure.update_layout(height=_HEAD_PX + _PER_ROW_PX * rows, margin={"t": 60, "b": 20, "l": 40})


def _well_text(row: Mapping[str, Any]) -> str:
    role = f" ({row['control']} control)" if row["control"] else ""
    value = "too few cells" if np.isnan(row["value"]) else f"{row['value']:.3g}"
    return f"{row['well']}: {escape(treatment_words(row))}{role}<br>{value}, {row['n_cells']:,} cells"


def dose_curve(found: Screen, treatment: str, unit: str) -> go.Figure:
    """Draw the wells of a treatment by dose with its curve, beside the negative controls of their plates.

    Parameters
    ----------
    found : Screen
    treatment, unit : str
        Its doses in this unit.
    """
    wells = found.centred[(found.centred["treatment"] == treatment) & (found.centred["unit"] == unit)]
    controls = found.centred[(found.centred["control"] == NEGATIVE) & found.centred["plate"].isin(wells["plate"])]
    figure = make_subplots(1, 2, shared_yaxes=True, column_widths=[0.15, 0.85], horizontal_spacing=0.02)
    points = {"mode": "markers", "marker": {"size": 7, "opacity": 0.8, "color": _GREY}}
    treated = {"mode": "markers", "marker": {"size": 8, "opacity": 0.8, "color": CLUSTER_COLOURS[0]}}
    figure.add_scatter(x=["controls"] * len(controls), y=controls["centred"], name="negative controls", **points)
    given = wells[wells["dose"] > 0]
    figure.add_scatter(x=given["dose"], y=given["centred"], name=escape(treatment), col=2, row=1, **treated)
    if (treatment, unit) in found.curves:
        _add_curve(figure, found.curves[treatment, unit])
    figure.update_xaxes(type="log", exponentformat="none", title_text=f"dose, {unit}" if unit else "dose", col=2, row=1)
    figure.update_yaxes(title_text=f"{found.measure}, minus controls", col=1, row=1)
    return figure.update_layout(showlegend=False)


def _add_curve(figure: go.Figure, fit: DoseResponse) -> None:
    doses = np.geomspace(fit.lowest, fit.highest, 200)
    figure.add_scatter(x=doses, y=fit.at(doses), mode="lines", name="fitted curve", line={"color": _GREY}, col=2, row=1)
    if fit.inside:
        figure.add_vrect(fit.ec50_low, fit.ec50_high, fillcolor=_GREY, opacity=0.15, line_width=0, col=2, row=1)
        figure.add_vline(fit.ec50, line={"dash": "dot", "color": _GREY}, col=2, row=1)
