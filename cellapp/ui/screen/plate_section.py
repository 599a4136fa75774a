"""The plate as a heat map, and beside it the effects of its treatments, of which one is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from cellapp.exports.screen_figures import plate_map
from cellapp.population.doses import Dose
from cellapp.population.wells import plate_words
from cellapp.ui.components.charts import Drawn, chart_config, styled
from cellapp.ui.components.messages import capital, escape
from cellapp.ui.screen.found import Found

_ROW_PX, _MOST_PX = 35, 420


def headline(found: Found) -> None:
    """Draw the answer in one sentence, then what speaks against trusting it."""
    if found.screen.by_class and found.tree["answer"] == "unfit":
        st.warning(f"The classes are no answer: {escape(found.tree['answer_reason'])}.", icon=":material/warning:")
    st.markdown(f"#### {escape(found.tree['sentence'])}")
    st.caption("  \n".join(escape(capital(note)) for note in found.tree["notes"]))


def plate_section(found: Found) -> None:
    """Draw a plate; of several the one chosen."""
    wells = found.screen.wells
    plates = list(dict.fromkeys(wells.loc[wells["well"] != "", "plate"]))
    if not plates:
        st.caption("No well is known by its name, so that there is no plate to draw: name wells in the layout.")
        return
    if wells["value"].isna().all():
        return  # the first line says why
    plate = plates[0]
    if len(plates) > 1:
        plate = str(st.selectbox("Plate", plates, key="screen_plate", width=220))
    title = plate_words(plate)

    def make() -> Drawn:
        figure = plate_map(found.screen, plate)
        return Drawn(styled(figure, title, height=int(figure.layout.height)))

    st.plotly_chart(
        found.figure("plate", plate, make=make),
        key="screen_map",
        config=chart_config("plate"),
        alt=f"Wells of the plate by {found.screen.measure}; \u2212 marks negative, + positive controls",
    )
    st.caption("\u2212 negative control, + positive control; blank: no image, or too few cells.")


def effects_section(found: Found) -> Mapping[str, Any] | None:
    """Draw the table of effects, or of those that are hits; returns the row that is chosen."""
    only = st.segmented_control(
        "Shown",
        ["Hits", "All"],
        default="Hits" if len(found.screen.hits) else "All",
        required=True,
        key="screen_shown",
        label_visibility="collapsed",
    )
    rows = found.screen.hits if only == "Hits" else ranked(found.screen.effects)
    if rows.empty:
        st.caption("No treatment differs from the negative controls." if only == "Hits" else "No treatment to compare.")
        return None
    event = st.dataframe(
        effect_table(rows),
        hide_index=True,
        column_config=_columns(found),
        key=f"screen_effects_{only}",
        on_select="rerun",
        selection_mode="single-row-required",
        placeholder="",
        height=min(_MOST_PX, _ROW_PX * (len(rows) + 1) + 3),
        alt="Effect of each treatment and dose against the negative controls",
    )
    return rows.iloc[event.selection.rows[0] if event.selection.rows else 0].to_dict()


def ranked(effects: pd.DataFrame) -> pd.DataFrame:
    """Return effects with the smallest adjusted p-value first, those that could not be tested last."""
    return effects.sort_values("q", kind="stable", na_position="last")


def effect_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that the page shows of some effects."""
    dose = ["" if pd.isna(row.dose) else Dose(row.dose, row.unit).words for row in rows.itertuples()]
    interval = [f"{row.low:+.3g} to {row.high:+.3g}" if pd.notna(row.low) else "" for row in rows.itertuples()]
    return pd.DataFrame(
        {
            "treatment": rows["treatment"].to_numpy(),
            "dose": dose,
            "effect": rows["effect"].to_numpy(),
            "q": rows["q"].to_numpy(),
            "cells": rows["cells_relative"].to_numpy() * 100,
            "interval": interval,
            "wells": rows["n_wells"].to_numpy(),
            "note": rows["note"].to_numpy(),
        }
    )


def _columns(found: Found) -> dict[str, object]:
    column, minus = st.column_config, f"{found.screen.measure}, minus controls"
    return {
        "treatment": column.TextColumn("Treatment", width=120),
        "dose": column.TextColumn("Dose", width=70),
        "effect": column.NumberColumn("Effect", format="%+.3g", width=70, help=minus),
        "interval": column.TextColumn("95 % interval", width=120),
        "q": column.NumberColumn("Adjusted p", format="%.2g", width=80, help="After Benjamini and Hochberg"),
        "cells": column.NumberColumn("Cells left", format="%.0f %%", width=75, help="Per well, of the controls'"),
        "wells": column.NumberColumn("Wells", width=50),
        "note": column.TextColumn("Note", width=220),
    }
