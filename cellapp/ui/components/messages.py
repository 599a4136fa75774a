"""Errors, empty states, the line under every result, and user text made safe for markdown."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from cellapp.errors import CellappError
from cellapp.store.records import RunRecord

RESEARCH_ONLY = "Research use only, not for diagnosis."
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:^=&])")


def escape(text: str) -> str:
    """Make a user's text harmless and literal inside Streamlit markdown.

    Parameters
    ----------
    text : str
        A file name, or a name that was typed in.

    Returns
    -------
    str
        One line in which no character starts markup.
    """
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def capital(text: str) -> str:
    """Return a text that begins with a capital; names such as siRNA, and what follows, stay as people write them."""
    first = text.split(maxsplit=1)[0] if text.split() else ""
    return f"{text[:1].upper()}{text[1:]}" if first.islower() else text


def signed(value: float, digits: int = 0) -> str:
    """Write a change with its sign, a true minus rather than a hyphen; what is rounded to zero has none."""
    rounded = round(float(value), digits) + 0.0
    return f"{rounded:+,.{digits}f}".replace("-", "\N{MINUS SIGN}") if rounded else f"{rounded:.{digits}f}"


def show_problem(text: str) -> None:
    """Draw what went wrong, a user's names in it or not, as a sentence: with a capital and a full stop."""
    said = capital(text.strip())
    st.error(escape(said if said.endswith((".", "!", "?", ":")) else f"{said}."), icon=":material/error:")


def show_error(error: CellappError) -> None:
    """Draw an error as one sentence, with the technical cause folded away."""
    show_problem(str(error))
    if error.__cause__ is not None:
        with st.expander("Details", icon=":material/code:"):
            st.code("".join(traceback.format_exception_only(error.__cause__)), language=None)


def empty_state(title: str, text: str, *, icon: str, page: str | None = None, link: str = "") -> None:
    """Draw what is missing on a page that has nothing to show yet, and what to do next.

    Parameters
    ----------
    title, text : str
        What is missing and how to get it.
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


def trust_line(run: RunRecord | None, provenance: Mapping[str, Any] | None = None) -> None:
    """Draw the last line of a page of results: what made them and what they are not for.

    Parameters
    ----------
    run : RunRecord, optional
    provenance : mapping, optional
        The ``run.json`` of one of its images, with exact versions; without it the names in the settings are given.
    """
    if run is None:
        st.caption(RESEARCH_ONLY)
        return
    segment, classify = run.settings.segment, run.settings.classify
    models = {"segmenter": segment.segmenter, "head": classify.head, "encoder": classify.encoder}
    models |= {part: (provenance or {}).get(part) or name for part, name in models.items()}
    parts = [f"Run {run.id}", *(f"{part} {name}" for part, name in models.items() if name)]
    st.caption(f"{escape(' · '.join(parts))} · {RESEARCH_ONLY}")


def undo_line(said: str, key: str, restore: Callable[..., object], *args: object) -> None:
    """Say what was removed, with a button that calls `restore` with the arguments."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(said, width="content")
        st.button("Undo", icon=":material/undo:", type="tertiary", key=key, on_click=restore, args=args)
