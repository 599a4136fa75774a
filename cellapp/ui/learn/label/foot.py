"""Below the cells: how well labels and probe agree, how many more are worth it, who disagrees, what was lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan

import pandas as pd
import streamlit as st

from cellapp.ui.components.messages import capital, escape
from cellapp.ui.layout.frame import TRAIN_PAGE
from cellapp.ui.learn.label.order import Ranking
from cellapp.ui.learn.label.state import LabelState

ENOUGH = 30
"""Labels of a class from which its score begins to mean something."""

_LOOK_BACK = 20  # labels
_FLAT = 0.02


def foot(state: LabelState, ranking: Ranking) -> None:
    """Draw the bar, and below it what is wrong with some labels."""
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="label_foot"
    ):
        with st.container(gap="xsmall", width="stretch"):
            st.markdown(escape(agreement_line(state, ranking)))
            st.caption(escape(worth_line(state.classes.names, state.labelling.counts, _history(state, ranking))))
        # Before two classes have names the button that names them is the primary one.
        can_train = "primary" if len(state.classes.names) > 1 else "secondary"
        if st.button("Train", icon=":material/school:", key="label_train", type=can_train):
            st.switch_page(TRAIN_PAGE)
    _people(state)
    _lost(state)


def agreement_line(state: LabelState, ranking: Ranking) -> str:
    """Return how far labels and probe agree, or why there is no probe, as a sentence."""
    if state.vectors is None:
        return "How far labels agree with what the cells look like is told once their vectors are there."
    if ranking.probe is not None:
        return ranking.probe.sentence
    why = ranking.why_no_probe
    return f"{capital(why)}." if why else "The labels are being compared with the cells."


def worth_line(names: Sequence[str], counts: Mapping[str, int], history: Mapping[int, float]) -> str:
    """Return how many more labels are worth it.

    Parameters
    ----------
    names : sequence of str
        All classes.
    counts : mapping
        Labelled cells by class.
    history : mapping of int to float
        Number of labels -> share of labels the probe agreed with then.
    """
    if len(names) < 2:
        return f"Name two classes to begin with; {ENOUGH} cells of each make a score mean something."
    missing = {name: ENOUGH - counts.get(name, 0) for name in names if counts.get(name, 0) < ENOUGH}
    if missing:
        wanted = " and ".join(f"{n} of {name}" for name, n in missing.items())
        return f"More to label before a score means something: {wanted}, for {ENOUGH} of each class."
    if not history:
        return "Enough of each class to train."
    newest = max(history)
    earlier = [n for n in history if n <= newest - _LOOK_BACK]
    if not earlier:
        return f"Enough of each class to train; {_LOOK_BACK} more tell whether more would help."
    gain = history[newest] - history[max(earlier)]
    if gain > _FLAT:
        return (
            f"The last {newest - max(earlier)} labels raised the agreement by {100 * gain:.0f} points: more will help."
        )
    return f"The last {newest - max(earlier)} labels did not raise the agreement: train now."


def _history(state: LabelState, ranking: Ranking) -> Mapping[int, float]:
    history: dict[int, float] = st.session_state.setdefault(f"label_history_{state.run.id}", {})
    probe = ranking.probe
    if probe is not None and probe.n_agree is not None and probe.n_compared:
        history[probe.n_labelled] = probe.n_agree / probe.n_compared
    return history


def _people(state: LabelState) -> None:
    found = state.labelling.labels.agreements
    if not found:
        return
    n = int(state.labelling.labels.table["disputed"].sum())
    with st.expander(f"People: {n:,} {'cell' if n == 1 else 'cells'} disputed", icon=":material/group:"):
        st.caption("Nobody's label overwrites another's; the last one said counts. Show Disputed to look at them.")
        rows = [
            (*(who or "nobody named" for who in one.people), one.n_cells, one.n_same, _kappa(one.kappa))
            for one in found
        ]
        columns = ["One", "Other", "Cells of both", "Same class", "Cohen's kappa"]
        st.dataframe(pd.DataFrame(rows, columns=columns), hide_index=True, alt="Agreement of people")


def _lost(state: LabelState) -> None:
    lost = state.labelling.labels.lost
    if not lost:
        return
    title = f"{len(lost):,} {'label' if len(lost) == 1 else 'labels'} found no cell in this run"
    with st.expander(title, icon=":material/link_off:"):
        st.caption("Given on another segmentation, or on a position. They are kept, and count where they find a cell.")
        names = {image.id: image.name for image in state.images.values()}
        rows = [
            (names.get(one.image_id, one.image_id), one.class_name, one.who, round(one.y_px), round(one.x_px))
            for one in lost
        ]
        columns = ["Image", "Class", "Who", "y, px", "x, px"]
        st.dataframe(pd.DataFrame(rows, columns=columns), hide_index=True, alt="Labels without a cell")


def _kappa(value: float) -> str:
    return "one class only" if isnan(value) else f"{value:.2f}"
