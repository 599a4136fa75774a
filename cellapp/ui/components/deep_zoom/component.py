"""Put the viewer on a page and hear what the visitor picked in it.

The viewer itself remembers where on an image the visitor was (per image, in the browser's session), so that neither a
rerun nor another page loses the place and panning costs no rerun.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


_mount = st.components.v2.component(
    "cellapp_deep_zoom", html=_read("viewer.html"), css=_read("viewer.css"), js=_read("viewer.js")
)


def deep_zoom(data: Mapping[str, Any], *, key: str, on_mark: Callable[[], None]) -> Mapping[str, Any] | None:
    """Mount the viewer.

    Parameters
    ----------
    data : mapping
        What to show, JSON values, made by `cellapp.ui.components.viewer.show_image`.
    key : str
        Widget key.
    on_mark : callable
        Told when the visitor picked something else, before the page is drawn again.

    Returns
    -------
    mapping or None
        The last mark in full-resolution pixels: ``kind`` is "point" (with ``y``, ``x`` and the ``reach`` of a touch) or
        "box" (with ``y``, ``x``, ``height``, ``width``). None when nothing was marked, and always where no browser runs
        the script.
    """
    return _mount(key=key, data=dict(data), on_mark_change=on_mark).get("mark")
