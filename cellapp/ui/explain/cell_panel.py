"""The parts of the Explain page: a list of cells, the explanation of one of them, and where it lies on the slide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from cellapp.cells.counts import classes_of
from cellapp.errors import CellappError
from cellapp.explanation.cell_lists import SELECTED
from cellapp.pipeline.cell_figures import cell_outlines, map_note
from cellapp.pipeline.encoder_crops import RawCrop
from cellapp.rendering.annotations import outcome_letter
from cellapp.rendering.colours import class_colour
from cellapp.store.records import ImageRecord
from cellapp.ui.components import charts
from cellapp.ui.components.gallery import Tile, pick_tile
from cellapp.ui.components.messages import escape, show_error
from cellapp.ui.components.viewer import Picked
from cellapp.ui.explain import map_figures
from cellapp.ui.explain.cell_maps import CellExplanation
from cellapp.ui.explain.sentences import (
    agreement_sentence,
    channel_effects,
    channel_places_sentence,
    channels_sentence,
    map_sentence,
    measured_of,
)
from cellapp.ui.explain.shown_cells import channels_alone, map_uris, save_figures, wrong_label
from cellapp.ui.explain.toolbar import Asked
from cellapp.ui.explain.ways import ShownWay, explained_ways, figures_of
from cellapp.ui.layout.cell_thumbnails import cell_uris, window_side_px
from cellapp.ui.layout.cells_on_slide import picked_rows, show_cells_on_slide
from cellapp.ui.session import selection
from cellapp.ui.session.kept import digest_of, kept
from cellapp.ui.session.page_state import choose_cell
from cellapp.ui.session.results import Results


def cells_section(
    results: Results, image: ImageRecord, lists: Mapping[str, pd.DataFrame], asked: Asked, cell_id: int | None
) -> pd.Series:
    """Draw the lists of cells on the left, the chosen cell's explanation on the right, and return that cell.

    Parameters
    ----------
    results : Results
    image : ImageRecord
    lists : mapping of title to DataFrame
        See `cellapp.explanation.cell_lists.listings`.
    asked : Asked
    cell_id : int, optional
        The cell to explain when the list has it, else the first of the list.
    """
    grid = st.grid(3, min_column_width=240, gap="medium")
    left, right = grid.cell(), grid.cell(column_span=2)
    title = str(left.selectbox("Cells", list(lists), key="explain_list"))
    cells = lists[title]
    ways: list[ShownWay] = []
    with right:
        try:
            ways = explained_ways(results, image, cells, asked)
        except CellappError as error:
            show_error(error)
    with left:
        cell = _pick_cell(results, image, title, cells, asked, ways, cell_id)
    with right:
        explanation_panel(results, image, cell, asked, ways)
        if ways:
            save_figures(figures_of(image, title, int(cell["cell_id"]), asked, ways), f"save_{image.id}")
    return cell


def _pick_cell(
    results: Results,
    image: ImageRecord,
    title: str,
    cells: pd.DataFrame,
    asked: Asked,
    ways: Sequence[ShownWay],
    cell_id: int | None,
) -> pd.Series:
    ids = cells["cell_id"].astype(int).tolist()
    chosen = cell_id if cell_id in ids else ids[0]
    with_maps = st.toggle("Maps in the list", True, key="explain_list_maps")
    uris = map_uris(ways[0].cells, ways[0].limit, asked.style) if with_maps and ways else {}
    tiles = _tiles(results, image, cells, asked.target, uris)
    st.caption(f"Below each cell: number and p({escape(asked.target)})")
    picked = pick_tile(tiles, str(chosen), key=f"explain_gallery_{results.run.id}_{image.id}_{title}", tile_px=96)
    choose_cell(int(picked) if picked else chosen)
    if picked:
        st.rerun()
    return cells[cells["cell_id"] == chosen].iloc[0]


def explanation_panel(
    results: Results, image: ImageRecord, cell: pd.Series, asked: Asked, ways: Sequence[ShownWay]
) -> None:
    """Draw crop, map and overlay of one cell in each way, its channels, and in sentences what its call rests on.

    Parameters
    ----------
    results : Results
    image : ImageRecord
    cell : Series
        Row of the cell among the called cells.
    asked : Asked
        What the page was asked to show.
    ways : sequence of ShownWay
        One, or two beside each other.
    """
    cell_id = int(cell["cell_id"])
    given = wrong_label(cell)
    but = f" Somebody labelled it **{escape(given)}**." if given else ""
    called = "" if cell["outcome"] == cell["label"] else f", called {escape(cell['label'])}"
    st.markdown(f"**Cell {cell_id}** counts as **{escape(str(cell['outcome']))}**{called}.{but}")
    mine = [(way, way.explained[cell_id]) for way in ways if cell_id in way.explained]
    if not mine:
        return
    crop, explanation = ways[0].crops[cell_id], mine[0][1]
    for number, (way, one) in enumerate(mine):
        if len(ways) > 1:
            st.markdown(f"{'First' if not number else 'Beside it'}: {escape(way.title)}")
        _figure(image, cell_id, way, one, asked, number)
    if len(mine) > 1:
        st.caption(agreement_sentence(mine[0][1].map, mine[1][1].map))
    st.markdown(escape(map_sentence(explanation, crop, p=float(cell[f"p_{asked.target}"]))))
    measured = measured_of(results, cell, asked.target)
    if measured is not None and (effects := channel_effects(measured)):
        said = channels_sentence(effects, explanation.logit, asked.target, n_classes=len(results.classes))
        st.markdown(escape(f"{said} {channel_places_sentence(measured)}"))
    if len(image.channels) > 1:
        _each_channel(crop, image, asked, cell_id)


def _figure(image: ImageRecord, cell_id: int, way: ShownWay, one: CellExplanation, asked: Asked, number: int) -> None:
    crop = way.crops[cell_id]
    digest = digest_of(crop.pixels, crop.inside, crop.core, one.map)

    def make() -> charts.Drawn:
        drawn = map_figures.explanation_figure(
            asked.shown.draw(crop.pixels),
            one.map,
            limit=way.limit,
            target=asked.target,
            style=asked.style,
            outlines=cell_outlines(crop),
        )
        return charts.Drawn(drawn)

    st.plotly_chart(
        kept("explained cell", digest, asked.target, asked.style, asked.shown, way.limit, make=make),
        key=f"explain_figure_{number}" if number else "explain_figure",
        config=charts.chart_config(f"cell_{cell_id}_explained"),
        alt=f"Crop, signed map and both together, by {way.title}",
    )
    st.caption(escape(f"{map_note(way.how, asked.target, way.limit, way.head)}"))


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


def _each_channel(crop: RawCrop, image: ImageRecord, asked: Asked, cell_id: int) -> None:
    def make() -> charts.Drawn:
        pictures = channels_alone(crop, image, asked.shown)
        return charts.Drawn(map_figures.channel_strip(list(pictures.values()), list(pictures)))

    st.plotly_chart(
        kept("channels of a cell", digest_of(crop.pixels), image.channels, asked.shown, make=make),
        key="explain_channels",
        config=charts.chart_config(f"cell_{cell_id}_channels"),
        alt=f"Each channel of the crop: {', '.join(image.channels)}",
    )


def _tiles(
    results: Results, image: ImageRecord, cells: pd.DataFrame, target: str, maps: Mapping[int, str]
) -> list[Tile]:
    classes = classes_of(cells)
    colours = [class_colour(name, classes) for name in cells["outcome"]]
    side_px = results.kept("window", make=lambda: window_side_px(results.cells))
    folder = results.folder / cells["stem"].iloc[0]
    bare = set(cells["cell_id"].astype(int)) - set(maps)
    uris = cell_uris(folder, image, cells, colours, side_px=side_px) if bare else {}
    uris = uris | dict(maps)
    letters = {name: outcome_letter(name, classes) for name in cells["outcome"].unique()}
    rows = zip(cells["cell_id"].astype(int), cells["outcome"], cells[f"p_{target}"], colours, strict=True)
    return [
        Tile(str(i), uris[i], f"{i} · {p:.2f}", letters[name], colour, f"Cell {i}: {name}, p({target}) {p:.2f}")
        for i, name, p, colour in rows
    ]
