"""How several planes of depth become one: a choice for the project, shown where an image has several."""

from __future__ import annotations

import streamlit as st

from cellapp.errors import CellappError
from cellapp.store.depth import set_depth
from cellapp.store.records import ProjectRecord
from cellapp.ui.components.messages import show_problem

_RULES = {"max": "Maximum", "mean": "Mean", "sharpest": "Sharpest plane", "plane": "One plane"}


def depth_control(project: ProjectRecord, n_planes: int) -> None:
    """Draw the choice.

    Parameters
    ----------
    project : ProjectRecord
    n_planes : int
        Most planes of an image here; nothing is drawn for one.
    """
    if n_planes == 1:
        return
    one = project.depth.isdecimal()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.session_state["depth_rule"] = "plane" if one else project.depth
        st.selectbox(
            f"{n_planes} planes of depth shown as",
            list(_RULES),
            format_func=lambda rule: _RULES[rule],
            key="depth_rule",
            on_change=_change,
            args=(project.id, n_planes),
            width=220,
            help="Holds for all images of this project. Those that are here are read anew; runs keep what they had.",
        )
        if one:
            st.session_state["depth_plane"] = int(project.depth)
            st.number_input(
                "Plane",
                min_value=1,
                max_value=max(n_planes, int(project.depth)),
                key="depth_plane",
                on_change=_change,
                args=(project.id, n_planes),
                width=120,
            )
    problem = st.session_state.pop("depth_problem", None)
    if problem is not None:
        show_problem(problem)


def _change(project_id: str, n_planes: int) -> None:
    rule = st.session_state["depth_rule"]
    middle = (n_planes + 1) // 2  # where focus is most often
    depth = str(st.session_state.get("depth_plane") or middle) if rule == "plane" else rule
    try:
        set_depth(project_id, depth)
    except CellappError as error:
        st.session_state["depth_problem"] = str(error)
