"""The Segment page below its header: settings, a region of the image, its cells, and the footer that starts a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from cellapp.errors import CellappError
from cellapp.rendering.colours import class_colour
from cellapp.rendering.composition import Composition
from cellapp.settings import AnalyseSettings
from cellapp.store.images import get_image
from cellapp.store.records import ImageRecord
from cellapp.store.regions import regions_of
from cellapp.types.image import Region
from cellapp.ui.components import viewer, viewer_layers
from cellapp.ui.components.channel_controls import composition
from cellapp.ui.components.messages import show_error
from cellapp.ui.components.viewer_regions import drawn
from cellapp.ui.layout.frame import CORRECT
from cellapp.ui.layout.image_regions import limits_line
from cellapp.ui.layout.outline_quality import outlines_line
from cellapp.ui.layout.run_panel import follow_run, run_controls
from cellapp.ui.segment.mask_editor import mask_editor, run_to_edit
from cellapp.ui.segment.preview import RegionPreview, preview_region
from cellapp.ui.segment.preview_summary import rejected_section, summary_section
from cellapp.ui.segment.region_editor import region_editor
from cellapp.ui.segment.settings_form import settings_panel
from cellapp.ui.session import cache
from cellapp.ui.session.page_state import PageState

SIDE_PX = 512
MAX_SIDE_PX = 2048
_MIN_SIDE_PX = 32
_SIDES = ("y", "x", "height", "width")
_TRY, REGIONS = "Try settings", "Draw regions"
_MODES = {"correct": CORRECT, "regions": REGIONS}  # in an address
_RAW, _PROCESSED = "Raw", "Preprocessed"
_HEIGHT = 560


@st.fragment
def workbench(page: PageState, image: ImageRecord) -> None:
    """Draw all of the page below its header; moving a slider draws only this again."""
    run = run_to_edit(page, image)
    mode = _mode(can_correct=run is not None)
    if run is not None and mode == CORRECT:
        mask_editor(page, image, run)
        return
    if mode == REGIONS:
        region_editor(image)
        return
    source = get_image(image.reference_id) if image.reference_id else image
    if source is not image:
        st.caption("Cells are found on the paired image shown here, then cut and classified on the chosen one.")
    outlines_line(image, page.run)
    try:
        regions = regions_of(image.id)
        bench = _bench(source, drawn(regions))
    except CellappError as error:
        show_error(error)
        return
    if bench is None:
        return
    settings, preview = bench
    limits_line(image, regions)
    rate = preview.seconds_per_px if preview else None
    run_controls(page, image, settings, rate)
    if page.run is not None:
        follow_run(page.run)


def _mode(*, can_correct: bool) -> str:
    """Draw what is done on the page and return it: settings are tried, regions drawn, or cells of a run corrected."""
    modes = [_TRY, REGIONS, *([CORRECT] if can_correct else [])]
    asked = _MODES.get(st.query_params.get("mode"))
    if st.session_state.get("segment_mode") not in (None, *modes):
        st.session_state["segment_mode"] = _TRY
    return st.segmented_control(
        "What to do",
        modes,
        default=asked if asked in modes else _TRY,
        required=True,
        key="segment_mode",
        label_visibility="collapsed",
        persist_state="session",
    )


def _bench(
    image: ImageRecord, regions: Sequence[Mapping[str, Any]]
) -> tuple[AnalyseSettings, RegionPreview | None] | None:
    """Draw settings beside the image, and what they give in its region; None after an error in the image's place."""
    grid = st.grid(3, min_column_width=230, gap="medium")
    left, right = grid.cell(column_span=2), grid.cell()
    with right:
        settings = settings_panel(image)
    with left:
        region, picture, opacity = _toolbar(image)
        slot, numbers = st.container(), st.container()
    try:
        preview = preview_region(image, region, settings)
        shown = composition(image, cache.overview(image))
        with slot:
            _viewer(image, preview, shown, region, regions, picture=picture, opacity=opacity)
    except CellappError as error:
        with slot:
            show_error(error)
        return None
    if preview is not None:
        with numbers:
            summary_section(image, preview, settings)
        rejected_section(image, preview, shown)
    return settings, preview


def region_of(image: ImageRecord) -> Region:
    """Return the region chosen for an image, its middle at first."""
    chosen = st.session_state.get(f"region_{image.id}")
    return Region(*chosen) if chosen else central_region(image.info.shape[1:])


def central_region(shape: tuple[int, int], side_px: int = SIDE_PX) -> Region:
    """Return a square in the middle of a (Y, X) image, the whole image when it is smaller."""
    height, width = (min(side_px, side) for side in shape)
    return Region((shape[0] - height) // 2, (shape[1] - width) // 2, height, width)


def fit_region(region: Region, shape: tuple[int, int]) -> Region:
    """Return the region moved and cut to lie inside a (Y, X) image, neither tiny nor too large to preview."""
    height, width = (
        min(max(side, min(_MIN_SIDE_PX, limit)), limit, MAX_SIDE_PX)
        for side, limit in zip((region.height, region.width), shape, strict=True)
    )
    y = min(max(region.y, 0), shape[0] - height)
    x = min(max(region.x, 0), shape[1] - width)
    return Region(y, x, height, width)


def _move_region(image: ImageRecord, region: Region | None) -> None:
    if region is not None:
        fitted = fit_region(region, image.info.shape[1:])
        st.session_state[f"region_{image.id}"] = (fitted.y, fitted.x, fitted.height, fitted.width)


def _toolbar(image: ImageRecord) -> tuple[Region, str, float]:
    """Draw region, picture and opacity in one row and return what is chosen."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        region = region_of(image)
        _region_numbers(image, region)
        picture = st.segmented_control(
            "Picture",
            [_RAW, _PROCESSED],
            default=_RAW,
            required=True,
            key="segment_picture",
            label_visibility="collapsed",
        )
        with st.popover("Outlines", icon=":material/opacity:"):
            opacity = st.slider("Opacity", 0.0, 1.0, 0.9, 0.05, key="outline_opacity", persist_state="session")
    return region, picture, opacity


def _region_numbers(image: ImageRecord, region: Region) -> None:
    """Draw the region's corner and size as numbers, in pixels."""
    keys = {side: f"region_{image.id}_{side}" for side in _SIDES}

    def move() -> None:
        _move_region(image, Region(*(int(st.session_state[keys[side]]) for side in _SIDES)))

    with st.popover(f"{region.height:,} x {region.width:,} px", icon=":material/crop_free:"):
        for side, key in keys.items():
            st.session_state[key] = getattr(region, side)
            name = {"y": "Top", "x": "Left"}.get(side, side.capitalize())
            st.number_input(name, min_value=0, step=64, key=key, on_change=move)
        st.caption(f"At most {MAX_SIDE_PX:,} px a side.")


def _viewer(
    image: ImageRecord,
    preview: RegionPreview | None,
    shown: Composition,
    region: Region,
    regions: Sequence[Mapping[str, Any]],
    *,
    picture: str,
    opacity: float,
) -> None:
    layers = [cache.whole(image, shown)]
    if preview is not None and picture == _PROCESSED:
        unit = replace(shown, windows=((0.0, 1.0),) * len(shown.colours))
        layers.append(viewer_layers.picture(unit.draw(preview.flows.processed), region))
    if preview is not None:
        layers.append(viewer_layers.outlines(preview.mask.labels, region, _colours(preview)).at(opacity))
    viewer.show_image(
        image,
        layers,
        key=f"segment_viewer_{image.id}",
        alt=f"{image.name} with the outlines of the cells found",
        um_per_px=image.um_per_px,
        rectangle=region,
        regions=regions,
        circle_px=preview.flows.diameter_px if preview else None,
        focus=region,
        pick=("box",),
        on_pick=lambda mark: _move_region(image, mark.region),
        height=_HEIGHT,
    )
    st.caption(
        "Settings are tried on the dashed rectangle. Draw another one with the tool in the corner, or with Shift."
    )


def _colours(preview: RegionPreview) -> dict[int, str]:
    """Give rejected cells their grey, all others the colour of cells without a class."""
    rejected = set(preview.cells.index[~preview.cells["qc_pass"]].tolist())
    return {i: class_colour("rejected" if i in rejected else "cell") for i in preview.mask.cell_ids.tolist()}
