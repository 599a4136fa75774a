"""The parts of the Explain page: a list of cells, the explanation of one of them, and where it lies on the slide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd
import streamlit as st

from cellapp.cells.counts import classes_of
from cellapp.classification.ensemble import Head
from cellapp.explanation.methods import METHOD_NOTES, METHOD_TITLES, METHODS
from cellapp.exports.explanation_truth import stored_truth
from cellapp.models.registry import model_folder
from cellapp.pipeline.encoder_crops import RawCrop
from cellapp.rendering.colours import class_colour
from cellapp.rendering.composition import Composition
from cellapp.settings import LAYERED, ExplainSettings
from cellapp.store.records import ImageRecord, RunRecord
from cellapp.ui.components import charts
from cellapp.ui.components.channel_controls import composition
from cellapp.ui.components.gallery import Tile, pick_tile
from cellapp.ui.components.messages import escape
from cellapp.ui.components.viewer import Picked
from cellapp.ui.explain import map_figures
from cellapp.ui.explain.cell_maps import SELECTED, CellExplanation
from cellapp.ui.explain.sentences import channel_effects, channels_sentence, encoder_crop, map_sentence
from cellapp.ui.layout.cell_thumbnails import cell_uris, window_side_px
from cellapp.ui.layout.cells_on_slide import picked_rows, show_cells_on_slide
from cellapp.ui.session import cache, selection
from cellapp.ui.session.page_state import choose_cell
from cellapp.ui.session.results import Results


def pick_method(asked: ExplainSettings, with_models: bool) -> ExplainSettings:
    """Draw the choice of method and, where it reads one, of layer, and return it.

    Parameters
    ----------
    asked : ExplainSettings
        The run's, chosen at first.
    with_models : bool
        Whether maps can be made here; where the run's models are absent those of the run are all there is.
    """
    default = "exact" if asked.method == "hirescam" else asked.method
    if not with_models:
        return asked
    names = [name for name in METHODS if name != "hirescam"]  # the same maps as "exact", later
    left, right = st.columns(2)
    method = left.selectbox(
        "Method",
        names,
        index=names.index(default),
        format_func=lambda name: METHOD_TITLES[name],
        key="explain_method",
    )
    layer = None
    if method in LAYERED:
        layers = list(_LAYER_TITLES)
        at = layers.index(asked.layer) if method == asked.method and asked.layer in layers else 0
        layer = right.selectbox("Layer", layers, index=at, format_func=_LAYER_TITLES.get, key="explain_layer")
    if method in METHOD_NOTES:
        st.caption(METHOD_NOTES[method])
    return asked.model_copy(update={"method": method, "layer": layer})


def truth_badge(run: RunRecord, head: Head | None, how: ExplainSettings) -> None:
    """Draw whether maps of this method were found true of the run's head, with the figures; nothing if not measured."""
    if head is None:
        return
    figures = stored_truth(model_folder(run.settings.classify.head or ""), head.identity) if how.layer is None else {}
    row = figures.get("exact" if how.method == "hirescam" else how.method)
    if row is None:
        st.caption("Not measured on this head whether maps of this kind are true: `cellapp score explanation`.")
        return
    gains = (f"{name} {row[name]['gain']['value']:+.2f}" for name in ("deletion", "insertion", "road"))
    text = f"Against random maps, in logit units: {', '.join(gains)}. The map holds {row['held']:.0%} of the logit."
    if row["true"]:
        st.badge("True of this head", icon=":material/verified:", color="green", help=text)
    else:
        st.warning(f"{METHOD_TITLES[how.method]} fails on this head: {'; '.join(row['warnings'])}. {text}")


_LAYER_TITLES = {
    None: "Final norm",
    1: "Last block",
    2: "One block earlier",
    3: "Two blocks earlier",
}


def pick_cell(
    results: Results, image: ImageRecord, lists: Mapping[str, pd.DataFrame], target: str, cell_id: int | None
) -> tuple[str, pd.Series]:
    """Draw the lists of cells and return the title of the list shown and a cell of it.

    Parameters
    ----------
    results : Results
    image : ImageRecord
    lists : mapping of title to DataFrame
        See `cellapp.ui.explain.cell_maps.listings`.
    target : str
        Class whose probability is shown.
    cell_id : int, optional
        The cell to return when the list has it, else the first of the list.
    """
    title = str(st.selectbox("Cells", list(lists), key="explain_list"))
    cells = lists[title]
    ids = cells["cell_id"].astype(int).tolist()
    chosen = cell_id if cell_id in ids else ids[0]
    tiles = _tiles(results, image, cells, target)
    picked = pick_tile(tiles, str(chosen), key=f"explain_gallery_{results.run.id}_{image.id}_{title}", tile_px=96)
    choose_cell(int(picked) if picked else chosen)
    if picked:
        st.rerun()
    return title, cells[cells["cell_id"] == chosen].iloc[0]


def explanation_panel(
    results: Results, image: ImageRecord, cell: pd.Series, explanation: CellExplanation, *, limit: float
) -> None:
    """Draw crop, map and overlay of one cell, its channels, and in sentences what its call rests on."""
    crop, target = encoder_crop(results, image, cell), explanation.target
    shown = composition(image, cache.overview(image))
    p = float(cell[f"p_{target}"])
    st.markdown(f"**Cell {int(cell['cell_id'])}** counts as **{cell['outcome']}**.")
    figure = map_figures.explanation_figure(shown.draw(crop.pixels), explanation.map, limit=limit, target=target)
    sentence = map_sentence(explanation, crop, image.roles, p=p)
    st.plotly_chart(
        figure,
        key="explain_figure",
        config=charts.chart_config(f"cell_{int(cell['cell_id'])}_explained"),
        alt=f"Crop, signed map and both together. {sentence}",
    )
    st.markdown(sentence)
    if effects := channel_effects(results, cell, target):
        st.markdown(escape(channels_sentence(effects, explanation.logit, target, n_classes=len(results.classes))))
    if len(image.channels) > 1:
        _each_channel(image, crop, shown, int(cell["cell_id"]))


def slide_section(results: Results, image: ImageRecord, cells: pd.DataFrame, cell: pd.Series) -> None:
    """Draw where a cell lies on its slide; another one of `cells` that is clicked is explained in its place."""

    def explain_picked(picked: Picked) -> None:
        rows = picked_rows(results, str(cell["stem"]), picked, cells)
        if rows:
            selection.select(results.run, cells, rows[:1], source="explain")
            choose_cell(int(cells.loc[rows[0], "cell_id"]))
            st.session_state["explain_list"] = SELECTED

    show_cells_on_slide(
        results,
        image,
        cells[cells["cell_id"] == cell["cell_id"]],
        threshold=results.run.settings.classify.threshold,
        key=f"explain_slide_{image.id}",
        alt=f"{image.name} with a ring around cell {int(cell['cell_id'])}",
        pick=("point",),
        on_pick=explain_picked,
        height=360,
    )
    st.caption("Click another cell to explain it.")


def _each_channel(image: ImageRecord, crop: RawCrop, shown: Composition, cell_id: int) -> None:
    n_channels = len(image.channels)
    alone = [replace(shown, hidden=tuple({*range(n_channels)} - {i})) for i in range(n_channels)]
    st.plotly_chart(
        map_figures.channel_strip([one.draw(crop.pixels) for one in alone], image.channels),
        key="explain_channels",
        config=charts.chart_config(f"cell_{cell_id}_channels"),
        alt=f"Each channel of the crop: {', '.join(image.channels)}",
    )


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
