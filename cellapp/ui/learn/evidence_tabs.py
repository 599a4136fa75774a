"""How good a head is, by tabs: the honest score beside the leaky one, classes, groups, probabilities, and errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from cellapp.evaluation.coverage import coverage_sentence
from cellapp.evaluation.more_groups import would_more_help
from cellapp.evaluation.split_by_cell import SplitPair
from cellapp.store.heads import HeadRecord
from cellapp.ui.components.charts import chart_config
from cellapp.ui.components.messages import capital, escape, signed
from cellapp.ui.learn.error_gallery import error_gallery
from cellapp.ui.learn.evidence import Evidence
from cellapp.ui.learn.evidence_charts import (
    calibration_chart,
    confusion_chart,
    groups_chart,
    learning_chart,
    precision_recall_chart,
    roc_chart,
)
from cellapp.ui.learn.evidence_tables import class_table, coverage_table, groups_table, score_table
from cellapp.ui.session.page_state import PageState

TABS = "train_tabs"
"""Key of the tabs; its value is the name of the open one."""
_WHOLE = 20  # rows of a table that is shown without scrolling


@st.fragment
def evidence_tabs(page: PageState, head: HeadRecord, evidence: Evidence) -> None:
    """Draw the tabs of a head that was validated; only the open one is worked out, and the page above it is not."""
    words = evidence.groups
    drawn: Mapping[str, Callable[[], None]] = {
        "Score": lambda: _score(evidence),
        "Classes": lambda: _classes(evidence),
        capital(words): lambda: _groups(evidence),
        "Probabilities": lambda: _probabilities(evidence),
        "More data": lambda: _more(evidence),
        "Errors": lambda: error_gallery(page, head, evidence, doubtful=False),
        "Doubtful labels": lambda: error_gallery(page, head, evidence, doubtful=True),
    }
    for name, tab in zip(drawn, st.tabs(list(drawn), key=TABS, on_change="rerun"), strict=True):
        if tab.open:
            with tab:
                drawn[name]()


def _score(evidence: Evidence) -> None:
    if evidence.pair is not None:
        _pair(evidence.pair, evidence.groups)
        if evidence.pair.sentence not in evidence.verdict.doubts:
            st.caption(escape(evidence.pair.sentence))
    scores = score_table(evidence.figures, evidence.positive)
    _table(scores, "All scores with intervals and the class that each is about")
    _intervals_said(evidence)


def _pair(pair: SplitPair, words: str) -> None:
    """Draw the honest score beside the leaky one, each by its name, with the gap."""
    plain = {"delta_color": "off", "delta_arrow": "off", "width": 220}
    with st.container(horizontal=True):
        spread = None if pair.low is None else f"{100 * pair.low:.0f} to {100 * pair.high:.0f} %"
        about = "Balanced accuracy with its 95 % interval. This is the one to report."
        st.metric(f"On unseen {words}: honest", f"{100 * pair.honest:.1f} %", spread, help=about, **plain)
        if pair.leaky is not None:
            gap = f"{signed(100 * pair.gap, 1)} points"
            about = (
                f"Balanced accuracy where cells of one of the {words} lie on both sides of the test. Not to be "
                "reported: it stands here for the gap alone."
            )
            st.metric("Split by cell: leaky", f"{100 * pair.leaky:.1f} %", gap, help=about, **plain)


def _classes(evidence: Evidence) -> None:
    figures, at = evidence.figures, evidence.classes.index(evidence.positive)
    scores, counts = figures["scores"], evidence.counts
    _table(class_table(figures["per_class"], evidence.positive, evidence.groups), "Figures of each class")
    _intervals_said(evidence)
    share = float(counts[at].sum() / counts.sum())
    _charts(
        {
            "confusion": confusion_chart(counts, evidence.classes),
            "roc": roc_chart(evidence.curves["roc"], scores["auc"], evidence.positive),
            "precision_recall": precision_recall_chart(
                evidence.curves["precision_recall"], scores["average_precision"], evidence.positive, share
            ),
        }
    )


def _groups(evidence: Evidence) -> None:
    rows = evidence.figures["per_group"]
    _charts({"groups": groups_chart(rows, evidence.group)}, columns=1)
    _table(groups_table(rows, evidence.positive, evidence.group), "Figures of each group, the worst first")
    st.caption(
        f"Each {escape(evidence.group)} is scored by the fold that did not see it. Its interval is over its own cells "
        f"(Wilson): how much {escape(evidence.groups)} differ is seen from row to row."
    )


def _probabilities(evidence: Evidence) -> None:
    figures = evidence.figures
    error = figures["scores"]["calibration_error"]
    chart = calibration_chart(evidence.curves["calibration"], error, evidence.positive)
    grid = st.grid(2, min_column_width=340, gap="medium")
    with grid.cell():
        st.plotly_chart(chart, key="train_calibration", config=chart_config("head_calibration"))
    with grid.cell():
        st.markdown("**Unsure, with a promise**")
        st.caption(escape(coverage_sentence(figures["conformal"], evidence.groups)))
        _table(coverage_table(figures["conformal_rates"]), "Error rates promised and what was held")
        st.caption("A run keeps such a promise where it is told to on Segment: *Unsure* conformal, and the error rate.")


def _more(evidence: Evidence) -> None:
    points = evidence.figures.get("learning_curve") or []
    if len(points) < 2:
        st.caption(_why_no_curve(evidence))
        return
    st.markdown(escape(would_more_help(points, evidence.groups)))
    _charts({"learning": learning_chart(points, evidence.groups, len(evidence.classes))}, columns=1)


def _why_no_curve(evidence: Evidence) -> str:
    if "fine_tuning" in evidence.figures:
        return "A fine-tuned encoder is not trained again on fewer cells: that would take as long several times over."
    if "batch_effects" in evidence.figures:
        return "Where effects of batches are taken out, all of them are needed: there is no curve with fewer."
    return f"There are too few {escape(evidence.groups)} to train on fewer of them."


def _intervals_said(evidence: Evidence) -> None:
    n = len(evidence.figures["per_group"])
    st.caption(f"95 % intervals by bootstrap over {n:,} {escape(evidence.groups)}, of which whole ones are drawn.")


def _table(table: pd.DataFrame, alt: str) -> None:
    st.dataframe(table, hide_index=True, height="content" if len(table) <= _WHOLE else "auto", alt=alt)


def _charts(charts: Mapping[str, go.Figure], *, columns: int = 2) -> None:
    grid = st.grid(columns, min_column_width=340, gap="medium")
    for name, figure in charts.items():
        with grid.cell():
            st.plotly_chart(figure, key=f"train_{name}", config=chart_config(f"head_{name}"))
