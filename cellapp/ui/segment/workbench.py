"""The Segment page's bench: a region, its cells under the present settings, and what they count to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from cellapp.errors import CellappError
from cellapp.rendering.colours import class_colour
from cellapp.rendering.composition import Composition
from cellapp.segmentation.slide_parameters import has_tiles
from cellapp.settings import AnalyseSettings
from cellapp.store.images import get_image
from cellapp.store.records import ImageRecord
from cellapp.types.image import Region
from cellapp.ui.components import charts, viewer, viewer_layers
from cellapp.ui.components.channel_controls import composition
from cellapp.ui.components.histograms import size_histogram
from cellapp.ui.components.job_progress import wait_for
from cellapp.ui.components.messages import show_error
from cellapp.ui.components.time_estimates import run_seconds
from cellapp.ui.layout.run_panel import follow_run, run_controls
from cellapp.ui.segment import region_picker
from cellapp.ui.segment.preview import Found, find
from cellapp.ui.segment.rejected_cells import rejected_cells
from cellapp.ui.segment.settings_form import settings_panel
from cellapp.ui.session import cache
from cellapp.ui.session.page_state import PageState

_RAW, _PROCESSED = "Raw", "Preprocessed"
_HEIGHT = 560


@st.fragment
def workbench(page: PageState, image: ImageRecord) -> None:
    """Draw all of the page below its header; moving a slider draws only this again."""
    source = get_image(image.reference_id) if image.reference_id else image
    if source is not image:
        st.caption("Cells are found on the paired image shown here, then cut and classified on the chosen one.")
    bench = st.grid(3, min_column_width=230, gap="medium")
    left, right = bench.cell(column_span=2), bench.cell()
    try:
        with right:
            settings = settings_panel(source)
        with left:
            region, picture, opacity = _toolbar(source)
            slot, numbers = st.container(), st.container()
        found = find(source, region, settings)
        look = composition(source, cache.overview(source))
        with slot:
            _view(source, found, look, region, picture=picture, opacity=opacity)
        with numbers:
            _summary(source, found, settings)
        if found is not None:
            _rejected(source, found, look)
    except CellappError as error:
        show_error(error)
        return
    _footer(page, image, settings, found)


def _toolbar(image: ImageRecord) -> tuple[Region, str, float]:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        region = region_picker.region_of(image)
        region_picker.region_numbers(image)
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


def _view(
    image: ImageRecord, found: Found | None, look: Composition, region: Region, *, picture: str, opacity: float
) -> None:
    shown = [cache.whole(image, look)]
    if found is not None and picture == _PROCESSED:
        unit = replace(look, windows=((0.0, 1.0),) * len(look.colours))
        shown.append(viewer_layers.picture(unit.draw(found.flows.processed), region))
    if found is not None:
        shown.append(viewer_layers.outlines(found.mask.labels, region, _colours(found)).at(opacity))
    viewer.show_image(
        image,
        shown,
        key=f"segment_viewer_{image.id}",
        alt=f"{image.name} with the outlines of the cells found",
        um_per_px=image.um_per_px,
        rectangle=region,
        circle_px=found.flows.diameter_px if found else None,
        focus=region,
        pick=("box",),
        on_pick=lambda mark: region_picker.move_region(image, mark.region),
        height=_HEIGHT,
    )
    st.caption(
        "Settings are tried on the dashed rectangle. Draw another one with the tool in the corner, or with Shift."
    )


def _colours(found: Found) -> dict[int, str]:
    """Give rejected cells their grey, all others the colour of cells without a class."""
    rejected = set(found.cells.index[~found.cells["qc_pass"]].tolist())
    return {i: class_colour("rejected" if i in rejected else "cell") for i in found.mask.cell_ids.tolist()}


def _summary(image: ImageRecord, found: Found | None, settings: AnalyseSettings) -> None:
    if found is None:
        return
    n_cells, n_rejected = len(found.mask.cell_ids), int((~found.cells["qc_pass"]).sum())
    counts, sizes = st.columns([1, 2], gap="medium")
    with counts:
        rejected = f"{n_rejected:,} rejected" if n_rejected else None
        st.metric("Cells in this region", f"{n_cells:,}", rejected, delta_color="off", delta_arrow="off")
        st.caption(_diameter_words(found, image, settings))
        if found.judging is not None:
            wait_for(found.judging)
        st.caption(f"Answered in {max(found.answered_s, 0.01):.2f} s.")
    with sizes:
        if n_cells == 0:
            st.caption(
                "Nothing found. Lower the cell probability threshold, check the diameter, or choose another region."
            )
            return
        area, unit, scale = _areas(found.cells, image.um_per_px)
        figure = size_histogram(area, unit=unit, minimum=settings.segment.min_size_px * scale)
        config = charts.chart_config("cell-size")
        st.plotly_chart(figure, key="segment_sizes", config=config, alt="Histogram of cell areas in the region")


def _areas(cells: pd.DataFrame, um_per_px: float | None) -> tuple[np.ndarray, str, float]:
    scale = um_per_px**2 if um_per_px else 1.0
    return cells["area_px"].to_numpy(float) * scale, "µm²" if um_per_px else "px²", scale


def _diameter_words(found: Found, image: ImageRecord, settings: AnalyseSettings) -> str:
    """Say how large cells are taken to be, and who says so where nobody typed it in."""
    diameter_px, um_per_px = found.flows.diameter_px, image.um_per_px
    metric = f" ({diameter_px * um_per_px:,.1f} µm)" if um_per_px else ""
    if settings.segment.diameter is not None:
        where = ""
    elif found.judging is not None:
        where = ", found in this region until the whole slide has been looked at"
    elif has_tiles(image.info, settings) or found.flows.region == Region(0, 0, *image.info.shape[1:]):
        where = ", found on the whole image as a run does"
    else:
        where = ", found in this region; a run looks at the whole image"
    return f"Cell diameter in force: {diameter_px:,.0f} px{metric}{where}. It is the yellow circle."


def _rejected(image: ImageRecord, found: Found, look: Composition) -> None:
    n_rejected = int((~found.cells["qc_pass"]).sum())
    n_cut = len(found.mask.cell_ids) - len(found.cells)
    panel = st.expander(
        f"Rejected cells ({n_rejected:,})", icon=":material/filter_alt:", key="rejected_panel", on_change="rerun"
    )
    if panel.open:
        with panel:
            rejected_cells(found.flows, found.mask, found.cells, look, image.channels)
            if n_cut:
                st.caption(f"{n_cut:,} cells cut by the edge of the region are not judged here; a run sees them whole.")


def _footer(page: PageState, image: ImageRecord, settings: AnalyseSettings, found: Found | None) -> None:
    rate = found.seconds_per_px if found else None
    seconds = run_seconds(page.images, page.runs, settings, preview_s_per_px=rate)
    run_controls(page, image, settings, seconds)
    if page.run is not None:
        follow_run(page.run)
