"""The parts of the Explain page: a list of cells on the left, the reason of one on the right."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from cellapp.cells.counts import classes_of
from cellapp.pipeline.encoder_crops import RawCrop
from cellapp.rendering.colours import class_colour
from cellapp.rendering.composition import Composition
from cellapp.store.records import ImageRecord
from cellapp.ui.components import charts
from cellapp.ui.components.channel_controls import composition
from cellapp.ui.components.gallery import Tile, pick_tile
from cellapp.ui.components.messages import escape
from cellapp.ui.explain import map_figures
from cellapp.ui.explain.cell_maps import Reason
from cellapp.ui.explain.sentences import channel_effects, in_words, seen_by_encoder, without_words
from cellapp.ui.layout.cell_thumbnails import cell_uris, window_side_px
from cellapp.ui.session import cache, url
from cellapp.ui.session.results import Results


def toolbar(results: Results, target: str) -> str:
    """Let the visitor choose the class to explain."""
    goal = st.segmented_control(
        "Speaks for or against", results.classes, default=target, required=True, key="explain_target"
    )
    return str(goal)


def pick_cell(
    results: Results, image: ImageRecord, offered: dict[str, pd.DataFrame], target: str
) -> tuple[str, pd.Series]:
    """Draw the lists of cells and return the list and the cell in it: picked, else named in the URL, else the first."""
    title = st.selectbox("Cells", list(offered), key="explain_list")
    cells = offered[str(title)]
    key = f"explain_gallery_{results.run.id}_{image.id}_{title}"
    chosen = _chosen(cells)
    tiles = _tiles(results, image, cells, target)
    picked = pick_tile(tiles, str(chosen), key=key, tile_px=96)
    url.select_cell(int(picked) if picked else chosen)
    if picked:
        st.rerun()
    return str(title), cells[cells["cell_id"] == chosen].iloc[0]


def reason_panel(results: Results, image: ImageRecord, cell: pd.Series, reason: Reason, *, limit: float) -> None:
    """Draw crop, map and overlay of one cell, its channels, and what the call rests on in words."""
    seen = seen_by_encoder(results, image, cell)
    shown = composition(image, cache.overview(image))
    p = float(cell[f"p_{reason.target}"])
    st.markdown(f"**Cell {int(cell['cell_id'])}** counts as **{cell['outcome']}**.")
    figure = map_figures.explanation_figure(shown.draw(seen.pixels), reason.heat, limit=limit, target=reason.target)
    words = in_words(reason, seen, image.roles, p=p)
    st.plotly_chart(
        figure,
        key="explain_figure",
        config=charts.chart_config(f"cell_{int(cell['cell_id'])}_explained"),
        alt=f"Crop, signed map and both together. {words}",
    )
    st.markdown(words)
    if effects := channel_effects(results, cell, reason.target):
        st.markdown(escape(without_words(effects, reason.logit, reason.target, n_classes=len(results.classes))))
    if len(image.channels) > 1:
        _each_channel(image, seen, shown, int(cell["cell_id"]))


def _each_channel(image: ImageRecord, seen: RawCrop, shown: Composition, cell_id: int) -> None:
    n_channels = len(image.channels)
    alone = [replace(shown, hidden=tuple({*range(n_channels)} - {i})) for i in range(n_channels)]
    st.plotly_chart(
        map_figures.channel_strip([look.draw(seen.pixels) for look in alone], image.channels),
        key="explain_channels",
        config=charts.chart_config(f"cell_{cell_id}_channels"),
        alt=f"Each channel of the crop: {', '.join(image.channels)}",
    )


def _chosen(cells: pd.DataFrame) -> int:
    wanted = url.selected_cell()
    known = cells["cell_id"].astype(int).tolist()
    return wanted if wanted in known else known[0]


def _tiles(results: Results, image: ImageRecord, cells: pd.DataFrame, target: str) -> list[Tile]:
    classes = classes_of(cells)
    colours = [class_colour(name, classes) for name in cells["outcome"]]
    side_px = window_side_px(results.cells)
    uris = cell_uris(results.folder / cells["stem"].iloc[0], image, cells, colours, side_px=side_px)
    rows = zip(cells["cell_id"].astype(int), cells["outcome"], cells[f"p_{target}"], colours, strict=True)
    return [
        Tile(str(i), uris[i], f"{i} · {p:.2f}", name[:1].upper(), colour, f"Cell {i}: {name}, p({target}) {p:.2f}")
        for i, name, p, colour in rows
    ]
