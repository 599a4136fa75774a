"""Which class of a head its metrics are about: at first that of the project."""

from __future__ import annotations

import streamlit as st

from cellapp.store.label_version import label_version
from cellapp.store.project_classes import positive_among


def choose_positive(project_id: str, classes: tuple[str, ...]) -> str | None:
    """Draw the choice of the positive class; None of fewer than two classes."""
    if len(classes) < 2:
        return None
    return st.selectbox(
        "Positive class",
        classes,
        index=classes.index(_positive_among(project_id, classes, label_version(project_id))),
        key="train_positive",
        width=240,
        help="The class that sensitivity, precision and the threshold are about.",
    )


@st.cache_data(max_entries=4, show_spinner=False)
def _positive_among(project_id: str, classes: tuple[str, ...], version: str) -> str:
    # `version` changes with the classes of the project and its positive one
    return positive_among(project_id, classes)
