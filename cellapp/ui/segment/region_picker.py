"""Where the region is that settings are tried on: by numbers or by a box on the image."""

from __future__ import annotations

import streamlit as st

from cellapp.store.records import ImageRecord
from cellapp.types.image import Region
from cellapp.ui.segment.region_cells import MAX_SIDE_PX, central_region, fit_region

_SIDES = ("y", "x", "height", "width")


def region_of(image: ImageRecord) -> Region:
    """Return the region chosen for an image, its middle at first."""
    kept = st.session_state.get(_place(image))
    return Region(*kept) if kept else central_region(image.info.shape[1:])


def move_region(image: ImageRecord, region: Region | None) -> None:
    """Choose another region; it is moved and cut to fit the image."""
    if region is not None:
        fitted = fit_region(region, image.info.shape[1:])
        st.session_state[_place(image)] = (fitted.y, fitted.x, fitted.height, fitted.width)


def region_numbers(image: ImageRecord) -> None:
    """Draw the region's corner and size as numbers, in pixels."""
    now = region_of(image)
    with st.popover(f"{now.height:,} x {now.width:,} px", icon=":material/crop_free:"):
        for side in _SIDES:
            st.session_state[_number(image, side)] = getattr(now, side)
            st.number_input(
                {"y": "Top", "x": "Left"}.get(side, side.capitalize()),
                min_value=0,
                step=64,
                key=_number(image, side),
                on_change=_typed,
                args=(image,),
            )
        st.caption(f"At most {MAX_SIDE_PX:,} px a side.")


def _typed(image: ImageRecord) -> None:
    move_region(image, Region(*(int(st.session_state[_number(image, side)]) for side in _SIDES)))


def _place(image: ImageRecord) -> str:
    return f"region_{image.id}"


def _number(image: ImageRecord, side: str) -> str:
    return f"region_{image.id}_{side}"
