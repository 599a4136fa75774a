"""Badges that go with the calls of a run: the head, its accuracy, and whether the cells are like its training cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from cellapp.classification.head import LinearHead
from cellapp.errors import CellappError
from cellapp.models.load import load_model
from cellapp.models.registry import is_demonstration
from cellapp.store.records import RunRecord
from cellapp.ui.components.messages import escape

DEMO_NOTE = (
    "The demo head was trained on synthetic cells only: what it calls cancer or normal in real images means nothing."
)
UNLIKE_SHARE = 0.1
"""Share of cells unlike the training cells from which the page warns; of the training cells themselves it is 1 %."""


def head_of(run: RunRecord) -> LinearHead | None:
    """Load the head of a run; None when it used none or it is not here any more."""
    name = run.settings.classify.head
    return cached_head(name) if name else None


@st.cache_resource(max_entries=8, show_spinner=False)
def cached_head(name: str) -> LinearHead | None:
    """Load a head by name or folder; None when it cannot be had."""
    try:
        return load_model(name)
    except CellappError:
        return None


def accuracy_text(metrics: Mapping[str, Any]) -> str:
    """Return the accuracy of a head on cells of slides it had not seen, or that it was not validated.

    Parameters
    ----------
    metrics : mapping
        Of the head, see `cellapp.training.classifier.cross_validation.fit`.
    """
    if not metrics.get("validated") or "balanced_accuracy" not in metrics:
        return "accuracy not validated"
    groups = f"{metrics['n_groups']:,} slides or patients" if metrics.get("n_groups") else "slides"
    return f"{metrics['balanced_accuracy'] * 100:.0f} % balanced accuracy on {groups} it had not seen"


def show_head_note(run: RunRecord, cells: pd.DataFrame, classes: tuple[str, ...]) -> None:
    """Draw the badges that go with every call of this run."""
    if not classes:
        st.badge("Counted without a head", icon=":material/tag:", color="gray")
        return
    head = head_of(run)
    with st.container(horizontal=True, gap="xsmall"):
        st.badge(escape(f"Head {run.settings.classify.head}"), icon=":material/model_training:", color="gray")
        if head is not None:
            validated = bool(head.metrics.get("validated"))
            icon = ":material/verified:" if validated else ":material/help:"
            st.badge(accuracy_text(head.metrics), icon=icon, color="blue" if validated else "orange")
            calibrated = "Calibrated" if head.calibrated else "Uncalibrated"
            st.badge(
                f"{calibrated} probabilities", icon=":material/balance:", color="gray", help=escape(head.trained_on)
            )
        if is_demonstration(run.settings.classify.head):
            st.badge(
                "Demo head, trained on synthetic cells only", icon=":material/warning:", color="orange", help=DEMO_NOTE
            )
        _unlike_badge(cells)


def _unlike_badge(cells: pd.DataFrame) -> None:
    accepted = cells[cells["qc_pass"].astype(bool)]
    if not len(accepted) or "unlike_training" not in accepted:
        return
    share = accepted["unlike_training"].fillna(False).astype(bool).mean()
    if share > UNLIKE_SHARE:
        st.badge(
            f"{share * 100:.0f} % of the cells are unlike the training cells",
            icon=":material/warning:",
            color="orange",
            help="The head was not trained on cells that look like these; its calls on them are guesses.",
        )
