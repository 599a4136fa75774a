"""What is known of a head: the verdict, and the numbers behind its charts, read once for each head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from cellapp.evaluation.breakdown import group_figures
from cellapp.evaluation.curves import reliability, roc_curve
from cellapp.evaluation.held_out_calls import read_held_out, read_metrics
from cellapp.evaluation.scores import auc, confusion_counts
from cellapp.evaluation.verdict import Verdict, verdict_of
from cellapp.models.registry import stored_head


@dataclass(frozen=True, eq=False)
class Evidence:
    """Figures of one head on cells it had not seen; the charts are empty where it was not validated."""

    verdict: Verdict
    grouped_by: str | None
    classes: tuple[str, ...] = ()
    positive: str = ""
    confusion: np.ndarray | None = None  # (K, K) int, true classes in rows
    roc: dict[str, list[float]] | None = None
    auc: float | None = None
    bins: tuple[dict[str, float], ...] = ()
    groups: tuple[dict[str, Any], ...] = ()  # the worst first


@st.cache_data(max_entries=16, show_spinner=False)
def evidence_of(identity: str) -> Evidence:
    """Read what is known of a head of the project.

    Raises
    ------
    InputError
        When there are no figures beside it.
    """
    folder = stored_head(identity)
    judged, metrics = verdict_of(folder), read_metrics(folder)
    if judged.accuracy is None:
        return Evidence(judged, metrics.get("grouped_by"))
    calls = read_held_out(folder)
    rows, at = calls.pure, calls.classes.index(calls.positive)
    codes, probabilities = calls.codes[rows], calls.probabilities[rows]
    return Evidence(
        judged,
        metrics.get("grouped_by"),
        calls.classes,
        calls.positive,
        confusion_counts(codes, probabilities),
        roc_curve(codes == at, probabilities[:, at]),
        auc(codes, probabilities, at),
        tuple(reliability(probabilities[:, at], codes == at)),
        tuple(group_figures(calls)),
    )
