"""What is known of a head: the verdict, and the figures behind its charts and tables, read once for each head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from cellapp.evaluation.evidence import curves, evidence, worst_errors
from cellapp.evaluation.group_words import group_word
from cellapp.evaluation.held_out_calls import read_held_out, read_metrics
from cellapp.evaluation.split_by_cell import SplitPair, split_pair
from cellapp.evaluation.verdict import Verdict, verdict_of
from cellapp.models.registry import stored_head
from cellapp.settings import ClassifySettings
from cellapp.store.head_evaluations import HeldOutImage, held_out_images, looks_before


@dataclass(frozen=True, eq=False)
class Evidence:
    """Figures of one head on cells it had not seen; empty where it was not validated."""

    verdict: Verdict
    grouped_by: str | None
    classes: tuple[str, ...] = ()
    positive: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)  # metrics.json with all of `cellapp.evaluation.evidence`
    curves: Mapping[str, Any] = field(default_factory=dict)  # see `cellapp.evaluation.evidence.curves`
    errors: pd.DataFrame = field(default_factory=pd.DataFrame)  # see `cellapp.evaluation.evidence.worst_errors`
    pair: SplitPair | None = None

    @property
    def groups(self) -> str:
        """What groups are called, "slides"."""
        return group_word(self.grouped_by, 2)

    @property
    def counts(self) -> np.ndarray:
        """Cells by true (rows) and called class (columns), (K, K) int."""
        return np.array(self.figures["confusion"]["counts"], int)

    @property
    def group(self) -> str:
        """What one group is called, "slide"."""
        return group_word(self.grouped_by, 1)


@st.cache_data(max_entries=16, show_spinner=False)
def evidence_of(identity: str) -> Evidence:
    """Read what is known of a head of the project; figures that an earlier version did not write are measured now.

    Raises
    ------
    InputError
        When there are no figures beside it.
    """
    folder = stored_head(identity)
    judged, metrics = verdict_of(folder), read_metrics(folder)
    grouped_by = metrics.get("grouped_by")
    if judged.accuracy is None:
        return Evidence(judged, grouped_by)
    calls = read_held_out(folder)
    calls = calls.subset(calls.pure)
    if "conformal_rates" not in metrics:
        metrics |= evidence(calls, error_rate=ClassifySettings().error_rate)
    return Evidence(
        judged,
        grouped_by,
        calls.classes,
        calls.positive,
        metrics,
        curves(calls),
        worst_errors(calls),
        split_pair(metrics, group_word(grouped_by, 2)),
    )


@dataclass(frozen=True, eq=False)
class Memory:
    """What the store remembers of the images that a head was scored on."""

    images: Mapping[str, HeldOutImage]  # by the names that the training gave them
    looks: str  # a sentence where other heads had been scored on them before


@st.cache_data(max_entries=16, ttl=60, show_spinner=False)
def memory_of(head_id: str, project_id: str, weights: str) -> Memory:
    """Read on which images of which runs a head of a project was scored, and how often they had been looked at."""
    return Memory(held_out_images(project_id, weights), looks_before(project_id, weights).sentence)
