"""Growth over time: how fast each condition doubles, the curves, and the fit of each place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from cellapp.exports.growth import MEASURES, condition_rows, doubling_rows, measures_of
from cellapp.exports.growth_chart import condition_name, growth_figure, sentences
from cellapp.exports.report.words import counted
from cellapp.jobs.project_series import GROWTH, ProjectSeries, SeriesRequest, growth_folder
from cellapp.ui.components.charts import chart_config, styled
from cellapp.ui.components.downloads import file_button
from cellapp.ui.components.messages import empty_state, escape
from cellapp.ui.learn.time_series.work import ask, show_work
from cellapp.ui.session.page_state import PageState

_TEXTS = {"place": str, "sequence": str, "condition": str, "line": str, "batch": str}


def growth_section(page: PageState, request: SeriesRequest, series: ProjectSeries) -> None:
    """Draw the button, and what was measured last."""
    table = growth_folder(page.project.id) / "growth.csv"
    working = show_work(page, GROWTH)
    if st.button(
        "Measure again" if table.is_file() else _measure_label(series),
        icon=":material/show_chart:",
        type="secondary" if table.is_file() else "primary",
        key="growth_start",
        disabled=working or not series.sequences,
    ):
        ask(GROWTH, request)
    if not table.is_file():
        if not working:
            empty_state(
                "How fast do they grow?",
                "The covered area is measured on every image, stained or not; numbers of cells come from the last run.",
                icon=":material/show_chart:",
            )
        return
    _show(table.parent, pd.read_csv(table, dtype=_TEXTS, keep_default_na=True).fillna(dict.fromkeys(_TEXTS, "")))


def _measure_label(series: ProjectSeries) -> str:
    n = sum(len(one.files) for one in series.sequences)
    return f"Measure {counted(n, 'image')}" if n else "Measure growth"


def _show(folder: Path, growth: pd.DataFrame) -> None:
    measures = measures_of(growth)
    measure = _choose_measure(measures)
    st.markdown("\n".join(f"- {escape(sentence)}" for sentence in sentences(growth, measure)))
    st.plotly_chart(
        styled(growth_figure(growth, measure), f"{MEASURES[measure]} over time", height=420),
        key=f"growth_chart_{measure}",
        config=chart_config("growth"),
        alt=f"{MEASURES[measure]} over time, one line per place, one colour per condition",
    )
    conditions = condition_rows(growth, measure)
    conditions["condition"] = [condition_name(str(name), growth) for name in conditions["condition"]]
    if conditions["doubling_h"].notna().any():
        _fits(conditions, "condition", "Doubling time of each condition")
    with st.expander("Each place", icon=":material/table_chart:"):
        _fits(doubling_rows(growth, measure), "sequence", "Doubling time of each place")
    _files(folder, "_cells" if measure == "n_cells" and len(measures) > 1 else "")


def _choose_measure(measures: Sequence[str]) -> str:
    if len(measures) == 1:
        return measures[0]
    return str(
        st.segmented_control(
            "Measure",
            measures,
            default=measures[0],
            required=True,
            format_func=MEASURES.get,
            key="growth_measure",
            label_visibility="collapsed",
        )
    )


def _files(folder: Path, suffix: str) -> None:
    """Offer the tables, and the chart whose file names end so."""
    with st.container(horizontal=True, gap="small"):
        for name, said in (
            ("growth.csv", "Curves (CSV)"),
            ("doubling.csv", "Doubling times (CSV)"),
            (f"growth{suffix}.html", "Chart (HTML)"),
            (f"growth{suffix}.svg", "Chart (SVG)"),
        ):
            file_button(folder / name, said, name)


def _fits(rows: pd.DataFrame, first: str, said: str) -> None:
    number = st.column_config.NumberColumn
    st.dataframe(
        rows[[first, "n", "doubling_h", "doubling_low_h", "doubling_high_h", "note"]],
        hide_index=True,
        placeholder="",
        column_config={
            first: first.capitalize().replace("Sequence", "Place"),
            "n": number("Points" if first == "sequence" else "Places", width="small"),
            "doubling_h": number("Doubling, h", format="%.1f"),
            "doubling_low_h": number("From", format="%.1f", help="95 % interval."),
            "doubling_high_h": number("To", format="%.1f", help="95 % interval."),
            "note": "Why not",
        },
        alt=said,
    )
