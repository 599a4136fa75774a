"""The regions of an image and of a run on every page: outlines for the viewer, and what they are in a sentence."""

from __future__ import annotations

from typing import Any

import streamlit as st

from cellapp.regions.coverage import coverage
from cellapp.regions.geojson import REGIONS_FILE, read_regions
from cellapp.regions.words import describe_regions, regions_sentence, row_sentence
from cellapp.store.records import ImageRecord, RunRecord
from cellapp.store.regions import regions_of
from cellapp.types.drawn_regions import NO_REGIONS, DrawnRegions
from cellapp.ui.components.messages import escape
from cellapp.ui.components.viewer_regions import drawn
from cellapp.ui.session.results import Results


def of_image(image: ImageRecord) -> list[dict[str, Any]]:
    """Return the regions that runs of an image to come are limited to, as the viewer takes them."""
    return drawn(regions_of(image.id))


def of_results(results: Results, image: ImageRecord) -> list[dict[str, Any]]:
    """Return the regions that a finished image of a run was limited to, as the viewer takes them."""
    entry = results.run.image(image.id)
    path = results.folder / entry.stem / REGIONS_FILE if entry else None
    there = path is not None and path.is_file()
    return drawn(read_regions(path, image.info.shape[1:]) if there else NO_REGIONS)


def sentence_of(regions: DrawnRegions, image: ImageRecord) -> str:
    """Return how much of an image some regions hold: "3 regions kept, 1 left out: 2.1 of 40 mm²"."""
    covered = coverage(regions, image.info.shape[1:])
    return regions_sentence(describe_regions(regions, covered, image.um_per_px))


def limits_line(image: ImageRecord, regions: DrawnRegions) -> None:
    """Say that runs of an image to come look at its regions only; nothing where there are none."""
    if regions:
        st.caption(f":material/crop: A run looks at the regions only. {escape(sentence_of(regions, image))}.")


def run_line(image: ImageRecord, run: RunRecord | None) -> None:
    """Say which part of an image a run looked at, and how dense its cells are there; nothing where at all of it."""
    row = run.image(image.id) if run else None
    if words := row_sentence(row.summary if row else {}):
        st.caption(f":material/crop: {escape(words)}.")
