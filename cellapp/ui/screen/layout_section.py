"""What was done to the wells: the layout of a run, and the choices by which its treatments are compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from cellapp.errors import CellappError, InputError
from cellapp.pipeline.screen_of_run import (
    ScreenRequest,
    drop_layout,
    keep_layout,
    layout_path,
    likely_control,
    require_layout,
)
from cellapp.population.layout import NEGATIVE, POSITIVE, Placed, read_lines
from cellapp.population.measures import CELLS, measure_words
from cellapp.population.screen import ScreenSettings
from cellapp.store.records import ImageRecord
from cellapp.ui.components.forms import control
from cellapp.ui.components.messages import capital, empty_state
from cellapp.ui.components.uploaded import upload_field
from cellapp.ui.session.results import Results

_FIELD = "A table with treatment and well or image; plate, dose, unit and control where there are any"
_SIZES = ("area_um2", "area_px")


def layout_menu(folder: Path) -> None:
    """Draw the menu that takes a layout of a run with this folder, and takes it away."""
    given = layout_path(folder).exists()
    menu = st.popover("Layout", icon=":material/grid_on:", key="screen_layout", on_change="rerun")
    if not menu.open:
        return
    with menu:
        n_taken = st.session_state.get("screen_layouts_taken", 0)
        files = upload_field(_FIELD, types=["csv", "tsv", "txt"], key=f"screen_upload_{n_taken}")
        if files:
            st.session_state["screen_layouts_taken"] = n_taken + 1  # a fresh field: a layout is taken once
            _take(folder, files[0].content())
            files[0].let_go()
            st.rerun()
        if given and st.button("Use the table of images", icon=":material/undo:", key="screen_drop", type="tertiary"):
            drop_layout(folder)
            st.rerun()


def _take(folder: Path, content: bytes) -> None:
    try:
        keep_layout(folder, content)
        st.session_state.pop("screen_problem", None)
    except CellappError as error:
        st.session_state["screen_problem"] = capital(str(error))


def layout_of(results: Results, images: Sequence[ImageRecord]) -> tuple[Path, list[Placed]] | None:
    """Return the layout of a run and its lines; None, with what to do, where there is none."""
    if problem := st.session_state.pop("screen_problem", None):
        st.error(problem)
    try:
        path = require_layout(results.run, results.folder, images)
        return path, read_lines(path)
    except InputError:
        layout_menu(results.folder)
        empty_state(
            "Which wells were treated with what?",
            "Give a layout above: a table of wells with their treatments and doses. The column treatment of the image "
            "table on Upload does as well, with the batch as the plate.",
            icon=":material/grid_on:",
        )
        return None


def choices(results: Results, lines: Sequence[Placed]) -> ScreenRequest | None:
    """Draw what is measured, what it is compared with and the layout; None, with what to do, without a control."""
    treatments = list(dict.fromkeys(one.treatment for one in lines))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        measure = _measure(results)
        negative = _treatment("Negative control", treatments, likely_control(lines, NEGATIVE))
        others = [name for name in treatments if name != negative]
        positive = _treatment("Positive control", others, likely_control(lines, POSITIVE))
        settings = _settings(str(measure))
        layout_menu(results.folder)
    if negative is None:
        st.info("Choose the treatment that effects are measured from.", icon=":material/arrow_upward:")
        return None
    return ScreenRequest(settings, negative, positive)


def _measure(results: Results) -> str | None:
    sizes = [name for name in _SIZES if name in results.cells and results.cells[name].notna().any()][:1]
    offered = [*results.classes, CELLS, *sizes]
    return st.selectbox(
        "Measure",
        offered,
        format_func=lambda name: capital(measure_words(str(name), results.classes)),
        key="screen_measure",
        width=220,
    )


def _treatment(said: str, treatments: list[str], likely: str | None) -> str | None:
    at = treatments.index(likely) if likely in treatments else None
    return st.selectbox(
        said, treatments, index=at, placeholder="None", key=f"screen_{said.split()[0].lower()}", width=200
    )


def _settings(measure: str) -> ScreenSettings:
    with st.popover("Hits", icon=":material/tune:", key="screen_settings"):
        chosen = {
            "alpha": control(ScreenSettings, "alpha", key="screen", upto=0.5),
            "least_effect": control(ScreenSettings, "least_effect", key="screen", upto=1.0),
            "min_cells": control(ScreenSettings, "min_cells", key="screen", upto=500),
        }
    return ScreenSettings(measure=measure, **chosen)
