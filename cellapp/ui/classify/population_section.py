"""From cells to populations: fractions that take the head's errors into account, beside plain counting."""

from __future__ import annotations

from html import escape as plain
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from cellapp.errors import CellappError
from cellapp.pipeline.populations import populations
from cellapp.rendering.colours import class_colour
from cellapp.store.records import CONDITIONS
from cellapp.ui.classify.called_cells import ClassifyState
from cellapp.ui.components.charts import chart_config, styled
from cellapp.ui.components.forms import label
from cellapp.ui.components.messages import escape
from cellapp.ui.components.scatters import symbol

_WHAT = (
    "What a head calls wrong shifts a fraction, most of all a small one. Corrected is by expectation maximisation, "
    "adjusted by its error rates, both from its held-out calls; the interval of 95 % holds these errors, cells and "
    "images. It counts all accepted cells, unsure ones too."
)


def population_section(state: ClassifyState) -> None:
    """Fold away fractions per image and condition, and where compositions are known the estimates against them."""
    if not state.target or state.answer.unfit:
        return
    folded = st.expander("From cells to populations", on_change="rerun", key="classify_populations")
    if not folded.open:
        return
    with folded:
        known = [name for name in CONDITIONS if any(one.conditions.get(name) for one in state.images.values())]
        condition = None
        if known:
            condition = st.selectbox("Condition", known, format_func=label, width=240)
        try:
            found = _populations(state.results.run.id, state.results.version_key, condition, _conditions(state))
        except CellappError as error:
            st.caption(f"No corrected fractions: {escape(str(error))}")
            return
        _draw(state, found)


@st.cache_data(show_spinner="Counting populations", max_entries=16)
def _populations(run_id: str, version_key: str, condition: str | None, conditions: str) -> dict[str, Any]:
    return populations(run_id, condition)


def _conditions(state: ClassifyState) -> str:
    """Return a text that changes with the image table."""
    return repr(sorted((image_id, sorted(image.conditions.items())) for image_id, image in state.images.items()))


def _draw(state: ClassifyState, found: dict[str, Any]) -> None:
    table = population_table(found)
    columns = {
        name: name.capitalize()
        if name in ("images", "class", "cells")
        else st.column_config.NumberColumn(name.capitalize(), format="%.1f %%")
        for name in table.columns
    }
    st.dataframe(
        table,
        hide_index=True,
        column_config=columns,
        key="classify_population_table",
        placeholder="",
        alt="Share of each class in each image, corrected for the errors of the head",
    )
    st.caption(_WHAT)
    if "rmse" in found:
        figure = known_chart(found, state.results.classes)
        st.plotly_chart(figure, key="classify_known", config=chart_config("populations"))
        errors = (f"{name} {'none' if value is None else f'{value:.3f}'}" for name, value in _errors(found))
        st.caption(f"Root mean square error against known compositions: {', '.join(errors)}.")


def _errors(found: dict[str, Any]) -> list[tuple[str, float | None]]:
    names = {"plain": "counted", "adjusted": "adjusted", "em": "corrected"}
    return [(names[method], value) for method, value in found["rmse"].items()]


def population_table(found: dict[str, Any]) -> pd.DataFrame:
    """Return a row per class of each image, each value of the condition and all images, fractions in percent.

    Parameters
    ----------
    found : dict
        See `cellapp.pipeline.populations.populations`.
    """
    parts = [(name, rows, found["n_cells"][name], found["known"].get(name)) for name, rows in found["images"].items()]
    parts += [(f"condition {name}", rows, None, None) for name, rows in found["conditions"].items()]
    parts.append(("all images", found["all"], sum(found["n_cells"].values()), None))
    rows = [
        {"images": name, "class": kind, "cells": n}
        | {"corrected": row["em"], "low": row["low"], "high": row["high"]}
        | {"adjusted": row["adjusted"], "counted": row["plain"], "known": known[kind] if known else None}
        for name, classes, n, known in parts
        for kind, row in classes.items()
    ]
    table = pd.DataFrame(rows).astype({"cells": "Int64"})
    shares = ["corrected", "low", "high", "adjusted", "counted", "known"]
    table[shares] = table[shares].astype(float) * 100
    return table if found["known"] else table.drop(columns="known")


def known_chart(found: dict[str, Any], classes: tuple[str, ...]) -> go.Figure:
    """Draw estimated against known fractions of the classes of each image; on the diagonal both are the same."""
    figure = go.Figure(go.Scatter(x=[0, 100], y=[0, 100], mode="lines", line={"color": "#8A8A8A", "dash": "dot"}))
    for kind in classes:
        names = [name for name in found["known"] if found["images"][name][kind]["em"] is not None]
        rows = [found["images"][name][kind] for name in names]
        estimated = [100 * row["em"] for row in rows]
        spread = {"type": "data", "symmetric": False, "thickness": 1.5}
        spread["array"] = [100 * row["high"] - value for row, value in zip(rows, estimated, strict=True)]
        spread["arrayminus"] = [value - 100 * row["low"] for row, value in zip(rows, estimated, strict=True)]
        figure.add_scatter(
            x=[100 * found["known"][name][kind] for name in names],
            y=estimated,
            error_y=spread,
            mode="markers",
            name=plain(kind),
            text=[plain(name) for name in names],
            marker={"color": class_colour(kind, classes), "symbol": symbol(kind, classes), "size": 10},
            hovertemplate="%{text}: %{y:.1f} %, known %{x:.1f} %<extra>" + plain(kind) + "</extra>",
        )
    figure.data[0].showlegend = False
    figure.update_xaxes(title_text="known, %", range=[-3, 103])
    figure.update_yaxes(title_text="corrected, %", range=[-3, 103])
    return styled(figure, "Estimated against known fractions", height=380)
