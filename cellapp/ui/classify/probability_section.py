"""The probabilities of the cells on the Classify page, and the threshold from which a cell is called positive."""

from __future__ import annotations

import streamlit as st

from cellapp.cells.counts import UNLIKE
from cellapp.classification.predict import unsure_band
from cellapp.ui.classify.called_cells import ClassifyState
from cellapp.ui.components import charts
from cellapp.ui.components.messages import escape


def probabilities_section(state: ClassifyState, threshold_key: str) -> None:
    """Draw the probabilities of the cells in scope and the slider of the threshold; those of unlike cells folded.

    Parameters
    ----------
    state : ClassifyState
    threshold_key : str
        Key of the slider, under which the page reads the threshold before it draws.
    """
    if not state.target:
        st.caption("Without a head there are no probabilities. Choose one on the Segment page and run again.")
        return
    if not state.answer.mostly_unlike:
        _probabilities(state, threshold_key)
        return
    folded = st.expander("Probabilities by an unfit head: not an answer", on_change="rerun", key="classify_p")
    if folded.open:
        with folded:
            _probabilities(state, threshold_key)


def _probabilities(state: ClassifyState, threshold_key: str) -> None:
    _histogram(state)
    if len(state.results.classes) == 2:
        st.slider(
            f"Call a cell {escape(state.target)} from p =",
            0.01,
            0.99,
            state.results.run.settings.classify.threshold,
            0.01,
            key=threshold_key,
            help="Counts, colours and tables follow at once; no model runs again.",
        )


def _histogram(state: ClassifyState) -> None:
    config = charts.chart_config("classify_histogram")
    alt = f"Histogram of the probability of {state.target}"
    figure = state.kept_in_scope("histogram", make=lambda: _figure(state))
    st.plotly_chart(figure, key="classify_histogram", config=config, alt=alt)


def _figure(state: ClassifyState) -> charts.Drawn:
    """Draw the probabilities; of two classes with the threshold and the band of unsure cells."""
    settings, classes = state.results.run.settings.classify, state.results.classes
    apart = (state.cells["outcome"] == UNLIKE) & (not state.answer.mostly_unlike)
    cells = state.cells[~apart & state.cells[f"p_{state.target}"].notna()]
    p, calibrated = cells[f"p_{state.target}"].to_numpy(), bool(state.results.provenance.get("calibrated", True))
    if len(classes) != 2:
        return charts.Drawn(
            charts.outcome_histogram(p, cells["outcome"].tolist(), state.target, classes, calibrated=calibrated)
        )
    figure = charts.probability_histogram(
        p,
        state.threshold,
        state.target,
        other=next(name for name in classes if name != state.target),
        band=unsure_band(state.threshold, 0.0 if settings.unsure == "conformal" else settings.unsure_margin),
        calibrated=calibrated,
    )
    return charts.Drawn(figure)
