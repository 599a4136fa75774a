"""Badges that go with the calls of a run: the head, its accuracy, and whether the cells are like its training cells."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cellapp.cells.answer import Answer
from cellapp.classification.ensemble import Head
from cellapp.errors import CellappError
from cellapp.evaluation.group_words import group_word
from cellapp.models.load import load_model
from cellapp.store.records import RunRecord
from cellapp.ui.components.messages import capital, escape

DEMO_NOTE = (
    "The demo head was trained on synthetic cells only: what it calls cancer or normal in real images means nothing."
)
UNLIKE_SHARE = 0.1
"""Share of cells unlike the training cells from which the page warns; of the training cells themselves it is 1 %."""


def head_of(run: RunRecord) -> Head | None:
    """Load the head of a run; None when it used none or it is not here any more."""
    name = run.settings.classify.head
    return cached_head(name) if name else None


@st.cache_resource(max_entries=8, show_spinner=False)
def cached_head(name: str) -> Head | None:
    """Load a head by name or folder; None when it cannot be had."""
    try:
        return load_model(name)
    except CellappError:
        return None


def accuracy_text(head: Head, *, synthetic: bool = False) -> str:
    """Return the accuracy of a head on cells of groups it had not seen, or that it was not validated.

    Parameters
    ----------
    head : Head
    synthetic : bool
        Whether those groups were synthetic slides.
    """
    metrics = head.metrics
    if not metrics.get("validated") or "balanced_accuracy" not in metrics:
        return "accuracy not validated"
    n = int(metrics.get("n_groups") or 0)
    kind = "synthetic slides" if synthetic else "slides or patients"  # heads from outside do not say what they held out
    if not synthetic and "grouped_by" in head.training:
        kind = group_word(head.training["grouped_by"], n)
    groups = f"{n:,} {kind}" if n else kind.partition(" or ")[0]
    return f"{metrics['balanced_accuracy'] * 100:.0f} % balanced accuracy on {groups} it had not seen"


def show_head_note(run: RunRecord, answer: Answer, classes: tuple[str, ...]) -> None:
    """Draw the badges that go with every call of this run; none praises a head whose classes are no answer."""
    if not classes:
        st.badge("Counted without a head", icon=":material/tag:", color="gray")
        return
    head = head_of(run)
    with st.container(horizontal=True, gap="xsmall"):
        st.badge(
            escape(f"Head {Path(run.settings.classify.head).name}"), icon=":material/model_training:", color="gray"
        )
        if answer.demonstration:
            st.badge(
                "Demo head, trained on synthetic cells only", icon=":material/warning:", color="orange", help=DEMO_NOTE
            )
        if head is not None and not answer.mostly_unlike:
            _accuracy_badges(head, synthetic=bool(answer.demonstration))
        _unlike_badge(answer)


def _accuracy_badges(head: Head, *, synthetic: bool) -> None:
    """Draw how good the head is on what it was trained for; what was measured on synthetic slides is no praise."""
    text, validated = accuracy_text(head, synthetic=synthetic), bool(head.metrics.get("validated"))
    icon, colour = (":material/verified:", "blue") if validated else (":material/help:", "orange")
    if synthetic:
        icon, colour = ":material/science:", "gray"
    st.badge(escape(capital(text)), icon=icon, color=colour)
    calibrated = "Calibrated" if head.calibrated else "Uncalibrated"
    what = "on synthetic cells" if synthetic else "probabilities"
    st.badge(f"{calibrated} {what}", icon=":material/balance:", color="gray", help=escape(head.trained_on))


def _unlike_badge(answer: Answer) -> None:
    share = answer.share_unlike
    if share is not None and share > UNLIKE_SHARE:
        st.badge(
            f"{share * 100:.0f} % of the cells are unlike the training cells",
            icon=":material/warning:",
            color="orange",
            help="The head was not trained on cells that look like these; its calls on them are guesses.",
        )
