"""How far the outlines of an analysed image can be relied on: a badge, a line, and images in that order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import streamlit as st

from cellapp.exports.outline_columns import quality_of_row
from cellapp.store.records import ImageRecord, RunImage, RunRecord
from cellapp.types.outlines import DOUBTFUL
from cellapp.ui.components.messages import escape
from cellapp.ui.session.page_state import PageState

_ORDER = "least_reliable_first"


def outlines_badge(summary: Mapping[str, Any], *, every: bool) -> None:
    """Draw what the run said of the outlines of an image; nothing where it was not asked.

    Parameters
    ----------
    summary : mapping
        The image's row of summary.csv.
    every : bool
        Also draw that outlines look reliable, or that nothing can be told of them.
    """
    quality = quality_of_row(summary)
    if quality is None:
        return
    why = escape(quality.words)
    if quality.unreliable:
        st.badge("Outlines look unreliable", icon=":material/warning:", color="orange", help=why)
    elif quality.expected_ap is not None and quality.expected_ap < DOUBTFUL:
        st.badge("Check the outlines", icon=":material/visibility:", color="orange", help=why)
    elif every and quality.expected_ap is None:
        st.badge("Outlines not judged", icon=":material/help:", color="gray", help=why)
    elif every:
        st.badge("Outlines look reliable", icon=":material/check:", color="blue", help=why)


def outlines_line(image: ImageRecord, run: RunRecord | None) -> None:
    """Say in a sentence that the outlines of an image look unreliable in a run, and what to do."""
    row = run.image(image.id) if run else None
    quality = quality_of_row(row.summary) if row else None
    if quality is not None and quality.unreliable:
        st.warning(escape(quality.words) + ".", icon=":material/warning:")


def order_toggle(page: PageState) -> None:
    """Offer the images of the run by how far their outlines can be relied on, where at least two were judged."""
    if page.run is not None and sum(map(is_judged, page.run.images)) > 1:
        st.toggle(
            "Least reliable first",
            key=_ORDER,
            persist_state="session",
            help="Orders the images of the run by the average precision expected of their outlines",
        )


def images_in_order(page: PageState) -> list[ImageRecord]:
    """Return the images of a page; the least reliable of its run first where the visitor asked for that."""
    if page.run is None or not st.session_state.get(_ORDER):
        return list(page.images)
    place = {row.image_id: expected_ap(row) for row in page.run.images}
    return sorted(page.images, key=lambda image: place.get(image.id, math.inf))


def rows_in_order(run: RunRecord) -> list[RunImage]:
    """Return the images of a run; the least reliable first where the visitor asked for that."""
    return sorted(run.images, key=expected_ap) if st.session_state.get(_ORDER) else list(run.images)


def is_judged(row: RunImage) -> bool:
    """Return whether an average precision is expected of the outlines of an image."""
    return row.summary.get("expected_ap") is not None


def expected_ap(row: RunImage) -> float:
    """Return the average precision expected of the outlines of an image, infinite where nothing can be told."""
    return row.summary["expected_ap"] if is_judged(row) else math.inf
