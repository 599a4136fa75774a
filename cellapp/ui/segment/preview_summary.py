"""What a preview shows beside the image: number, size and diameter of its cells, and crops of the rejected ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from cellapp.cells.crop import crop
from cellapp.rendering.annotations import draw_outlines
from cellapp.rendering.colours import class_colour
from cellapp.rendering.composition import Composition
from cellapp.segmentation.slide_parameters import has_tiles
from cellapp.settings import AnalyseSettings, CropSettings
from cellapp.store.records import ImageRecord
from cellapp.types.image import Region
from cellapp.ui.components import charts
from cellapp.ui.components.job_progress import wait_for
from cellapp.ui.segment.preview import RegionPreview

_CROP_PX = 72
_COLUMNS = 12
_MAX_CROPS = 36


def summary_section(image: ImageRecord, preview: RegionPreview, settings: AnalyseSettings) -> None:
    """Draw how many cells the region has, how long that took, and a histogram of their areas."""
    n_cells, n_rejected = len(preview.mask.cell_ids), int((~preview.cells["qc_pass"]).sum())
    counts, sizes = st.columns([1, 2], gap="medium")
    with counts:
        rejected = f"{n_rejected:,} rejected" if n_rejected else None
        st.metric("Cells in this region", f"{n_cells:,}", rejected, delta_color="off", delta_arrow="off")
        st.caption(diameter_sentence(preview, image, settings))
        if preview.flows.picked:
            st.caption(f"{preview.flows.picked[0].upper()}{preview.flows.picked[1:]}.")
        if preview.slide_job is not None:
            wait_for(preview.slide_job)
        st.caption(f"Answered in {max(preview.seconds, 0.01):.2f} s.")
    with sizes:
        if n_cells == 0:
            st.caption(
                "Nothing found. Lower the cell probability threshold, check the diameter, or choose another region."
            )
            return
        scale, unit = (image.um_per_px**2, "µm²") if image.um_per_px else (1.0, "px²")
        areas = preview.cells["area_px"].to_numpy(float) * scale
        figure = charts.size_histogram(areas, unit=unit, minimum=settings.segment.min_size_px * scale)
        config = charts.chart_config("cell-size")
        st.plotly_chart(figure, key="segment_sizes", config=config, alt="Histogram of cell areas in the region")


def diameter_sentence(preview: RegionPreview, image: ImageRecord, settings: AnalyseSettings) -> str:
    """Return the diameter in force and, where it was not typed in, where it was estimated."""
    diameter_px, um_per_px = preview.flows.diameter_px, image.um_per_px
    metric = f" ({diameter_px * um_per_px:,.1f} µm)" if um_per_px else ""
    if settings.segment.diameter is not None:
        where = ""
    elif preview.slide_job is not None:
        where = ", found in this region until the whole slide has been looked at"
    elif has_tiles(image.info, settings) or preview.flows.region == Region(0, 0, *image.info.shape[1:]):
        where = ", found on the whole image as a run does"
    else:
        where = ", found in this region; a run looks at the whole image"
    return f"Cell diameter, drawn as a yellow circle: {diameter_px:,.0f} px{metric}{where}."


def rejected_section(image: ImageRecord, preview: RegionPreview, shown: Composition) -> None:
    """Offer the crops of rejected cells, one strip for each reason; `shown` is how the channels are displayed."""
    rejected = preview.cells[~preview.cells["qc_pass"]]
    n_cut = len(preview.mask.cell_ids) - len(preview.cells)
    panel = st.expander(
        f"Rejected cells ({len(rejected):,})", icon=":material/filter_alt:", key="rejected_panel", on_change="rerun"
    )
    if not panel.open:
        return
    with panel:
        if rejected.empty:
            st.caption("No cell of this region is rejected.")
        for reason, cells in rejected.groupby("qc_reason"):
            st.markdown(f"**{len(cells):,}** {reason}")
            strip = contact_sheet(preview, cells.iloc[:_MAX_CROPS], shown, image.channels)
            st.image(strip, alt=f"{min(len(cells), _MAX_CROPS)} cells rejected because: {reason}")
            if len(cells) > _MAX_CROPS:
                st.caption(f"The first {_MAX_CROPS} of {len(cells):,}.")
        if n_cut:
            st.caption(f"{n_cut:,} cells cut by the edge of the region are not judged here; a run sees them whole.")


def contact_sheet(
    preview: RegionPreview, cells: pd.DataFrame, shown: Composition, channels: tuple[str, ...]
) -> np.ndarray:
    """Put the crops of some cells side by side, each outlined.

    Returns
    -------
    ndarray of shape (Y, X, 3), uint8
        Rows of twelve crops; black where the last row has fewer.
    """
    crop_settings = CropSettings(size_px=_CROP_PX)
    crops = crop(preview.flows.raw, preview.mask, cells, crop_settings, channels=channels, with_inside=True)
    colour = class_colour("rejected")
    tiles = [
        np.pad(draw_outlines(shown.draw(pixels), inside.astype(np.int32), colour), ((1, 1), (1, 1), (0, 0)))
        for pixels, inside in zip(crops.pixels, crops.inside, strict=True)
    ]
    n_columns = min(len(tiles), _COLUMNS)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % n_columns)
    return np.vstack([np.hstack(tiles[i : i + n_columns]) for i in range(0, len(tiles), n_columns)])
