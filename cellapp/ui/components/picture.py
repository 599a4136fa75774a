"""A picture by its address in a box of a given size, which neither waits for it nor grows with it."""

from __future__ import annotations

from html import escape

import streamlit as st


def show_picture(address: str, *, alt: str, width_px: int, height_px: int) -> None:
    """Draw a picture; one of another shape is cut at the longer sides.

    Parameters
    ----------
    address : str
        Below the app's root, see `cellapp.viewer.offered_pictures` and `cellapp.ui.components.viewer_layers`.
    alt : str
        What it shows, for those who cannot see it.
    width_px, height_px : int
    """
    style = "display: block; object-fit: cover; border-radius: 4px"
    st.html(
        f'<img src="{escape(address)}" alt="{escape(alt)}" width="{width_px}" height="{height_px}" style="{style}">',
        width="content",
    )
