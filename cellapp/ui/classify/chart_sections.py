"""How many cells of each class there are on the Classify page, and the share of the positive one."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from cellapp.store.records import CONDITIONS
from cellapp.ui.classify.called_cells import ClassifyState, outcome_table, share_table
from cellapp.ui.classify.count_charts import counts_chart, share_chart
from cellapp.ui.components import charts
from cellapp.ui.components.messages import capital
from cellapp.ui.session.results import condition_of

_MOST_ROWS, _HEIGHT_PX = 14, 520  # of more groups the charts scroll beside the slide, which is about as tall
Groups = tuple[tuple[str, str], ...]
"""Image ids with the group that each is in."""


@st.fragment
def counts_section(state: ClassifyState) -> None:
    """Draw counts and shares per image, or per value of a condition."""
    group_by = _group_by(state)
    if group_by == "image":
        group = {image_id: image.name for image_id, image in state.images.items()}
    else:
        group = condition_of({image_id: image.conditions for image_id, image in state.images.items()}, group_by)
    title, key = group_by.replace("_", " "), tuple(sorted(group.items()))
    target = _class_shown(state)
    shares = state.kept("shares", key, target, make=lambda: _share_table(state, group, target)) if target else None
    with st.container(height=_HEIGHT_PX if len(set(group.values())) > _MOST_ROWS else "content", border=False):
        _charts(state, group, shares, target=target, title=title)


def _charts(
    state: ClassifyState, group: Mapping[str, str], shares: pd.DataFrame | None, *, target: str, title: str
) -> None:
    """Draw the shares and the counts of groups."""
    key = tuple(sorted(group.items()))
    if shares is not None and (shares["n"].gt(0) & ~shares["unfit"]).any():
        _shares(state, shares[~shares["unfit"]], target, title, "classify_shares", key)
    figure = state.kept("counts", key, title, make=lambda: _counts_figure(state, group, title))
    _chart(figure, "classify_counts", alt=f"Number of cells of each class per {title}")
    if shares is not None and shares["unfit"].any():
        _unfit_shares(state, shares[shares["unfit"]], target, title, key)


def _class_shown(state: ClassifyState) -> str:
    """Offer the class whose shares are drawn where there are more than two; of two the other one is the rest."""
    classes = state.results.classes
    if len(classes) < 3:
        return state.target
    return str(st.selectbox("Share of", classes, key=f"classify_share_of_{state.results.run.id}", width=240))


def _share_table(state: ClassifyState, group: Mapping[str, str], target: str) -> pd.DataFrame:
    return share_table(state.all_cells, state.results.classes, group, state.results.demonstration, target)


def _counts_figure(state: ClassifyState, group: Mapping[str, str], title: str) -> charts.Drawn:
    counts = outcome_table(state.all_cells, state.results.classes, group)
    shown = state.results.demonstration and not state.answer.mostly_unlike
    what = "Calls of the demonstration head" if shown else "Cells"
    return charts.Drawn(counts_chart(counts, state.results.classes, group_title=title, what=what))


def _unfit_shares(state: ClassifyState, shares: pd.DataFrame, target: str, title: str, groups: Groups) -> None:
    """Fold away the shares of groups whose classes are no answer, named as such."""
    whose = "the demonstration head" if state.results.demonstration else "an unfit head"
    folded = st.expander(f"Shares by {whose}: not an answer", on_change="rerun", key="classify_unfit")
    if not folded.open:
        return
    with folded:
        if shares["n"].any():
            _shares(state, shares, target, title, "classify_unfit_shares", groups)
        else:
            st.caption("No share: every cell with a sure call is unlike the training cells, so there is none to judge.")
        st.caption("Cells unlike the training cells are left out of a share where they are the majority.")


def _shares(state: ClassifyState, shares: pd.DataFrame, target: str, title: str, key: str, groups: Groups) -> None:
    def make() -> charts.Drawn:
        return charts.Drawn(share_chart(shares, target, state.results.classes, group_title=title))

    figure = state.kept(key, target, groups, title, make=make)
    _chart(figure, key, alt=f"Share of {target} cells per {title} with 95 % interval")


def _group_by(state: ClassifyState) -> str:
    """Offer the conditions that an image of the run has; without any there is nothing to choose."""
    conditions = [key for key in CONDITIONS if any(image.conditions.get(key) for image in state.images.values())]
    if not conditions:
        return "image"
    chosen = st.segmented_control(
        "Group by",
        ["image", *conditions],
        default="image",
        required=True,
        format_func=lambda key: capital(str(key).replace("_", " ")),
        key="classify_group",
    )
    return str(chosen)


def _chart(figure: go.Figure, key: str, *, alt: str) -> None:
    st.plotly_chart(figure, key=key, config=charts.chart_config(key), alt=alt)
