"""How the channels of an image are shown: colour, contrast, gamma, hidden or not; measurements never see it."""

from __future__ import annotations

import numpy as np
import streamlit as st

from cellapp.images.channels import is_photo
from cellapp.rendering.colours import channel_colours
from cellapp.rendering.composition import Composition
from cellapp.rendering.display import default_window
from cellapp.store.records import ImageRecord
from cellapp.types.image import Role
from cellapp.ui.components.messages import escape

_GAMMA = (0.2, 3.0)
_ROWS_BEFORE_SCROLL = 5
_NAME_PX = 130


def composition(image: ImageRecord, overview: np.ndarray) -> Composition:
    """Return how the visitor chose to show `image`, by default in role colours and windows from its percentiles.

    Parameters
    ----------
    image : ImageRecord
    overview : ndarray of shape (C, Y, X)
        A small version of the image, from which contrast windows are guessed.
    """
    default = _default(image.digest, overview.shape, image.channels, image.roles, overview)
    chosen = st.session_state
    indices = range(len(image.channels))
    return Composition(
        tuple(chosen.get(_key(image, i, "colour"), default.colours[i]) for i in indices),
        tuple(tuple(chosen.get(_key(image, i, "window"), default.windows[i])) for i in indices),
        tuple(chosen.get(_key(image, i, "gamma"), 1.0) for i in indices),
        tuple(i for i in indices if not chosen.get(_key(image, i, "shown"), True)),
    )


def channel_composer(image: ImageRecord, overview: np.ndarray) -> Composition:
    """Draw a row of controls for each channel and return the composition they describe."""
    if is_photo(image.roles):
        st.caption("A colour photograph, shown as it is.")
        return composition(image, overview)
    default = _default(image.digest, overview.shape, image.channels, image.roles, overview)
    scroll = 280 if len(image.channels) > _ROWS_BEFORE_SCROLL else "content"
    with st.container(height=scroll, border=False, gap="xsmall"):
        for i, name in enumerate(image.channels):
            _channel_row(image, i, name, overview[i], default)
    return composition(image, overview)


@st.cache_data(max_entries=256, show_spinner=False)  # percentiles of every channel, at each rerun of most pages
def _default(
    digest: str, shape: tuple[int, ...], channels: tuple[str, ...], roles: tuple[Role, ...], _overview: np.ndarray
) -> Composition:
    windows = default_window(_overview, roles)
    if np.issubdtype(_overview.dtype, np.integer):  # whole steps of a slider need whole ends
        windows = tuple((np.floor(low), np.ceil(high)) for low, high in windows)
    return Composition(channel_colours(channels, roles), tuple((float(a), float(b)) for a, b in windows))


def _channel_row(image: ImageRecord, i: int, name: str, plane: np.ndarray, default: Composition) -> None:
    shared = {"label_visibility": "collapsed", "persist_state": "session"}
    low, high, step, pattern = _slider_range(plane, default.windows[i])
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.toggle(
            escape(name), value=True, key=_key(image, i, "shown"), persist_state="session", width=_NAME_PX, help="Show"
        )
        st.color_picker(f"Colour of {name}", default.colours[i], key=_key(image, i, "colour"), **shared)
        window = _clip(default.windows[i], low, high)
        st.slider(
            f"Contrast of {name}", low, high, window, step, format=pattern, key=_key(image, i, "window"), **shared
        )
        with st.popover("", icon=":material/exposure:", help=f"Gamma of {name}", type="tertiary"):
            st.slider(
                "Gamma",
                *_GAMMA,
                1.0,
                0.05,
                key=_key(image, i, "gamma"),
                persist_state="session",
                help="Below 1 lifts the dark",
            )


def _slider_range(plane: np.ndarray, window: tuple[float, float]) -> tuple[float, float, float, str]:
    """Return the ends, the step and the number format of a contrast slider, in pixel values."""
    low, high = min(float(plane.min()), window[0]), max(float(plane.max()), window[1])
    high = high if high > low else low + 1.0
    if np.issubdtype(plane.dtype, np.integer):
        return float(np.floor(low)), float(np.ceil(high)), 1.0, "localized"
    return low, high, (high - low) / 500, "%.3g"


def _clip(window: tuple[float, float], low: float, high: float) -> tuple[float, float]:
    return min(max(window[0], low), high), min(max(window[1], low), high)


def _key(image: ImageRecord, i: int, what: str) -> str:
    return f"show_{image.id}_{i}_{what}"
