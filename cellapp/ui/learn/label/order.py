"""Which cells come next: the choice of an order, and its ranking, worked out beside the page."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError
from dataclasses import dataclass

import numpy as np
import streamlit as st

from cellapp.errors import InputError
from cellapp.labelling.orders import Candidates, OrderOptions, order_cells
from cellapp.training.classifier.next_cells import NEEDS_PROBE
from cellapp.training.classifier.probe import Probe, refit
from cellapp.ui.components.messages import escape
from cellapp.ui.learn.label.state import LabelState

NAMES = {
    "most-different": "Most different",
    "least-sure": "Least sure",
    "oddest": "Odd ones",
    "band": "By probability",
    "like": "More like one",
    "image": "By image",
    "random": "At random",
}
"""Orders as the page calls them."""

WITHOUT_VECTORS = ("image", "random")
ORDER_KEY, LIKE_KEY = "label_order", "label_like"
_WAIT_S, _FIRST_WAIT_S, _POLL_S = 0.15, 20.0, 0.7
_BESIDE = ThreadPoolExecutor(max_workers=1, thread_name_prefix="label-order")


@dataclass(frozen=True)
class Choice:
    """An order with what it needs."""

    order: str
    seed: int = 0
    like: str = ""  # key of a cell
    of_class: str = ""
    band: tuple[float, float] = (0.4, 0.6)


@dataclass(frozen=True, eq=False)
class Ranking:
    """Rows of the cells, best first, and what the probe thinks of them."""

    rows: np.ndarray  # (N,) int64
    probe: Probe | None
    why_no_probe: str = ""
    note: str = ""  # where another order was taken


def choose_order(state: LabelState) -> Choice:
    """Draw the choice of an order; without vectors there are two."""
    names = list(NAMES) if state.vectors is not None else list(WITHOUT_VECTORS)
    if st.session_state.get(ORDER_KEY) not in names:
        st.session_state[ORDER_KEY] = names[0]
    if st.session_state.get(LIKE_KEY) not in state.rows.row_of:
        st.session_state.pop(LIKE_KEY, None)
    order = str(st.selectbox("Order", names, format_func=NAMES.get, key=ORDER_KEY, width=145))
    if order == "band":
        return _band(state)
    if order == "like":
        return Choice(order, like=st.session_state.get(LIKE_KEY, ""))
    return Choice(order)


def ranked(state: LabelState, choice: Choice) -> Ranking:
    """Return the ranking of the cells; while a new one is worked out, the one before, and the page comes back for it.

    Parameters
    ----------
    state : LabelState
    choice : Choice
    """
    wanted = (state.run.id, state.results.version, state.version, state.vectors is not None, len(state.rows.keys))
    key, kept = (*wanted, choice), st.session_state.get("label_ranking") or {}
    if kept.get("key") != key:
        if kept.get("work"):
            kept["work"].cancel()
        like = state.rows.row_of.get(choice.like)
        arguments = (state.vectors, state.labelling.of_row, state.rows.images, like, choice)
        same_cells = kept.get("cells") == (state.run.id, state.results.version, len(state.rows.keys))
        kept = {
            "key": key,
            "cells": (state.run.id, state.results.version, len(state.rows.keys)),
            "work": _BESIDE.submit(rank, *arguments),
            "before": kept.get("before") if same_cells and kept.get("choice") == choice else None,
            "choice": choice,
        }
        st.session_state["label_ranking"] = kept
    return _result(kept)


def rank(
    vectors: np.ndarray | None, labels: Sequence[str], images: Sequence[str], like: int | None, choice: Choice
) -> Ranking:
    """Rank cells in an order, and fit the probe that the page tells of.

    Parameters
    ----------
    vectors : ndarray of shape (N, F), or None
        Where there are none, cells can be ranked by image and at random.
    labels, images : sequence of str
        N classes, "" without one; N image ids.
    like : int, optional
        Row of the cell that others should be like.
    choice : Choice
    """
    labelled = np.array([name != "" for name in labels], bool)
    if vectors is None:
        cells = Candidates(np.zeros((len(labelled), 1), np.float32), labelled, None, images)
        return Ranking(order_cells(choice.order, cells, OrderOptions(choice.seed)), None)
    probe, why = None, ""
    try:
        probe = refit(vectors, list(labels), list(images))
    except InputError as error:
        why = str(error)
    order, note = choice.order, ""
    if order in NEEDS_PROBE and probe is None:
        order, note = "most-different", "The most different cells come first until two classes have labels."
    if order == "like" and like is None:
        order, note = (
            "most-different",
            "Click a cell and choose More like this; until then the most different come first.",
        )
    at = probe.classes.index(choice.of_class) if probe and choice.of_class in probe.classes else 0
    options = OrderOptions(choice.seed, () if like is None else (like,), at, choice.band)
    cells = Candidates(vectors, labelled, probe.probabilities if probe else None, images)
    return Ranking(order_cells(order, cells, options), probe, why, note)


def _result(kept: dict) -> Ranking:
    work: Future = kept["work"]
    before = kept["before"]
    try:
        kept["before"] = work.result(timeout=_FIRST_WAIT_S if before is None else _WAIT_S)
    except TimeoutError:
        st.fragment(_wait, run_every=_POLL_S)(work)
        return before or Ranking(np.arange(kept["cells"][2]), None, note="The order is still being worked out.")
    return kept["before"]


def _wait(work: Future) -> None:
    if work.done():
        st.rerun()


def _band(state: LabelState) -> Choice:
    names = list(state.classes.names)
    if not names:
        return Choice("band")
    first = names.index(state.classes.positive) if state.classes.positive in names else 0
    of_class = st.selectbox("Probability of", names, index=first, format_func=escape, key="label_band_of", width=170)
    band = st.slider(
        "Band", 0.0, 1.0, (0.4, 0.6), 0.05, key="label_band", width=200, help="Uncalibrated, by the probe."
    )
    return Choice("band", of_class=of_class, band=tuple(band))
