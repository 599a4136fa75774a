"""What the tools of the viewer ask for, done once each, and the answers that go back to the browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from cellapp.errors import CellappError

_ANSWERS = 20  # the latest, which go to the browser


def answers_of(key: str) -> list[dict[str, Any]]:
    """Return the latest answers under a key of the session."""
    return st.session_state.get(key, [])


def answer_new(
    key: str, edits: Sequence[Mapping[str, Any]], do: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> int:
    """Do the edits that were not done yet, and keep what to answer: a browser may send the same one again.

    Parameters
    ----------
    key : str
        Of the session, under which answers are kept.
    edits : sequence of mapping
        Each with its number ``n``.
    do : callable
        Does one and returns the rest of its answer: ``sentence`` and ``changed``.

    Returns
    -------
    int
        How many were done; one that is refused is answered by ``error``.
    """
    answers = st.session_state.setdefault(key, [])
    done = {answer["n"] for answer in answers}
    new = [{"n": edit["n"], **_tried(edit, do)} for edit in edits if edit["n"] not in done]
    answers.extend(new)
    del answers[:-_ANSWERS]
    return sum("sentence" in answer for answer in new)


def _tried(edit: Mapping[str, Any], do: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Mapping[str, Any]:
    try:
        return do(edit)
    except CellappError as error:
        return {"error": f"{str(error)[:1].upper()}{str(error)[1:]}."}
