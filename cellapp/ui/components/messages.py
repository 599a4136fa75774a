"""Errors, empty states and the line of trust, worded once."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from typing import Any

import streamlit as st

from cellapp.errors import CellappError
from cellapp.models.registry import is_demonstration
from cellapp.store.records import RunRecord

RESEARCH_ONLY = "Research use only, not for diagnosis."
DEMO_NOTE = (
    "The demo head was trained on synthetic cells only: what it calls cancer or normal in real images means nothing."
)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:^=&])")


def escape(text: str) -> str:
    """Make a user's text harmless and literal inside Streamlit markdown.

    Parameters
    ----------
    text : str
        A file name or any other string somebody typed.

    Returns
    -------
    str
        One line in which no character starts markup.
    """
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def show_error(error: CellappError) -> None:
    """Say what went wrong in one sentence, with the technical cause folded away."""
    st.error(escape(str(error)), icon=":material/error:")
    if error.__cause__ is not None:
        with st.expander("Details", icon=":material/code:"):
            st.code("".join(traceback.format_exception_only(error.__cause__)), language=None)


def empty_state(title: str, text: str, *, icon: str, page: str | None = None, link: str = "") -> None:
    """Fill a page that has nothing to show yet with what to do next.

    Parameters
    ----------
    title, text : str
        What is missing and how to get it, plain words.
    icon : str
        A Material icon, ":material/upload:".
    page : str, optional
        Path of the page on which to go on, linked under `link`.
    link : str
        Label of that link.
    """
    with st.container(border=True, horizontal_alignment="center", gap="small"):
        st.space("small")
        st.markdown(f"### {icon} {title}", text_alignment="center")
        st.markdown(text, text_alignment="center", width="content")
        if page:
            st.page_link(page, label=link, icon=":material/arrow_forward:")
        st.space("small")


def trust_line(run: RunRecord | None, made_by: Mapping[str, Any] | None = None) -> None:
    """End a page of results with what made them and what they are not for.

    Parameters
    ----------
    run : RunRecord, optional
    made_by : mapping, optional
        The ``run.json`` of one of its images, which knows exact versions; without it the names that were asked for.
    """
    if run is None:
        st.caption(RESEARCH_ONLY)
        return
    asked = run.settings
    named = {"segmenter": asked.segment.segmenter, "head": asked.classify.head, "encoder": asked.classify.encoder}
    known = {part: (made_by or {}).get(part) or name for part, name in named.items()}
    parts = [f"Run {run.id}", *(f"{part} {name}" for part, name in known.items() if name)]
    st.caption(f"{escape(' · '.join(parts))} · {RESEARCH_ONLY}")


def demo_note(run: RunRecord | None) -> None:
    """Warn wherever the calls come from the demonstration head."""
    if run is not None and is_demonstration(run.settings.classify.head):
        st.badge(
            "Demo head, trained on synthetic cells only", icon=":material/warning:", color="orange", help=DEMO_NOTE
        )
