"""One treatment: its response to the dose, and cells of its wells beside cells of the controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from cellapp.cells.counts import REJECTED
from cellapp.exports.screen_figures import dose_curve
from cellapp.population.layout import NEGATIVE
from cellapp.population.screen import IMAGE_SEPARATOR, treatment_words
from cellapp.rendering.colours import class_colour
from cellapp.store.records import ImageRecord
from cellapp.ui.components.charts import Drawn, chart_config, styled
from cellapp.ui.components.messages import escape
from cellapp.ui.components.picture import show_picture
from cellapp.ui.layout.cell_thumbnails import cell_uris, window_side_px
from cellapp.ui.screen.found import Found

_TILES, _TILE_PX = 8, 84


def dose_section(found: Found, treatment: str, unit: str) -> None:
    """Draw wells of a treatment by dose, with its curve and what may be said of it."""
    measured = found.screen.centred
    if not ((measured["treatment"] == treatment) & (measured["unit"] == unit) & (measured["dose"] > 0)).any():
        st.caption(escape(f"{treatment} has no dose with a value beside controls: no curve is drawn."))
        return

    def make() -> Drawn:
        title = f"{treatment} against its negative controls"
        return Drawn(styled(dose_curve(found.screen, treatment, unit), title, height=360))

    st.plotly_chart(
        found.figure("curve", treatment, unit, make=make),
        key="screen_curve",
        config=chart_config("dose_response"),
        alt=f"{found.screen.measure} of the wells of {treatment} by dose, minus that of the controls",
    )
    doses = found.screen.doses
    said = doses.loc[(doses["treatment"] == treatment) & (doses["unit"] == unit), "sentence"]
    if len(said):
        st.caption(escape(f"{treatment}: {said.iloc[0]}."))
    else:
        st.caption("A curve takes four doses and six wells with the controls.")


def cells_section(found: Found, chosen: Mapping[str, Any], images: Sequence[ImageRecord]) -> None:
    """Draw typical cells of the wells of a treatment at a dose, and of the negative controls of the same plates."""
    wells, by_id = found.screen.wells, {image.id: image for image in images}
    same_dose = wells["dose"].isna() if pd.isna(chosen["dose"]) else wells["dose"] == chosen["dose"]
    treated = wells[(wells["treatment"] == chosen["treatment"]) & (wells["unit"] == chosen["unit"]) & same_dose]
    controls = wells[(wells["control"] == NEGATIVE) & wells["plate"].isin(treated["plate"])]
    st.markdown("**Typical cells**")
    for said, rows in ((treatment_words(chosen), treated), ("Negative controls", controls)):
        st.caption(escape(said))
        _strip(found, rows, by_id)


def _strip(found: Found, wells: pd.DataFrame, images: dict[str, ImageRecord]) -> None:
    called = found.results.called()
    stems = [stem for names in wells["images"] for stem in names.split(IMAGE_SEPARATOR)]
    cells = called[called["stem"].isin(stems) & (called["outcome"] != REJECTED) & called["image_id"].isin(images)]
    typical = typical_cells(cells, found.results.classes)
    if typical.empty:
        st.caption("No accepted cell.")
        return
    side_px = window_side_px(found.results.cells)
    with st.container(horizontal=True, gap="xsmall"):
        for (image_id, stem), rows in typical.groupby(["image_id", "stem"], sort=False):
            colours = [class_colour(str(outcome), found.results.classes) for outcome in rows["outcome"]]
            uris = cell_uris(found.results.folder / str(stem), images[str(image_id)], rows, colours, side_px=side_px)
            for cell_id, outcome in zip(rows["cell_id"], rows["outcome"], strict=True):
                show_picture(
                    uris[int(cell_id)], alt=f"Cell {cell_id}, {outcome}", width_px=_TILE_PX, height_px=_TILE_PX
                )


def typical_cells(cells: pd.DataFrame, classes: Sequence[str], n: int = _TILES) -> pd.DataFrame:
    """Return cells at even steps through the order of their probability of the positive class, or of their size."""
    by = f"p_{classes[0]}" if classes and f"p_{classes[0]}" in cells else "area_px"
    ordered = cells.sort_values(by, kind="stable")
    at = [int((k + 0.5) * len(ordered) / n) for k in range(n)] if len(ordered) > n else range(len(ordered))
    return ordered.iloc[list(at)]
