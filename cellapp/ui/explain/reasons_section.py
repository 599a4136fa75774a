"""Reasons for a call by example: nearest training cells, the most similar other cell, and what would flip it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from cellapp.errors import CellappError, ModelError
from cellapp.jobs.cell_reasons import examples_of_cell, flip_job, request_flip
from cellapp.pipeline.reasons_by_example import Example, Reasons
from cellapp.rendering.annotations import outcome_letter
from cellapp.rendering.colours import class_colour
from cellapp.store.records import ImageRecord, RunRecord, Status
from cellapp.ui.components.gallery import Tile, pick_tile
from cellapp.ui.components.job_progress import wait_for
from cellapp.ui.components.messages import escape, show_error
from cellapp.ui.layout.cell_thumbnails import cell_uris, encoded, window_side_px
from cellapp.ui.session.results import Results, Version
from cellapp.viewer.offered_pictures import offer

_TILE_PX = 96
_KEY = "explain_reasons"


def reasons_section(results: Results, image: ImageRecord, cell: pd.Series, target: str) -> None:
    """Draw the reasons for the call of one cell when they are asked for.

    Parameters
    ----------
    results : Results
        Of a run whose head is here.
    image : ImageRecord
    cell : Series
        Row of the run's table.
    target : str
        Class whose probability is told.
    """
    st.markdown("### Reasons by example")
    if not st.toggle("Show cells like this one", key=_KEY, help="Training cells, and one called otherwise."):
        return
    cell_id = int(cell["cell_id"])
    try:
        found = _examples(results.run.id, results.version_key, image.id, cell_id, results.version, results.run)
    except CellappError as error:
        show_error(error)
        return
    for sentence in found.sentences:
        st.markdown(escape(sentence))
    pictured = [one for one in found.nearest if one.picture is not None]
    if pictured:
        tiles = [_training_tile(one, number, results.classes) for number, one in enumerate(pictured)]
        pick_tile(tiles, "", key=f"reasons_training_{results.run.id}_{image.id}_{cell_id}", tile_px=_TILE_PX)
    if found.other is not None and found.other.stem == cell["stem"]:
        _other_tile(results, image, found.other, target)
    _flip(results.run, image, cell_id, target)


@st.cache_data(max_entries=16, show_spinner="Looking for cells like this one")
def _examples(run_id: str, key: str, image_id: str, cell_id: int, version: Version, _run: RunRecord) -> Reasons:
    return examples_of_cell(_run, image_id, cell_id)


def _training_tile(one: Example, number: int, classes: tuple[str, ...]) -> Tile:
    note = f"Training cell {one.name}: {one.label}, {one.distance:.1f} times the usual distance"
    caption = f"{one.distance:.1f} · {one.label}"
    letter, colour = outcome_letter(one.label, classes), class_colour(one.label, classes)
    return Tile(str(number), offer(encoded(one.picture)), caption, letter, colour, note)


def _other_tile(results: Results, image: ImageRecord, other: Example, target: str) -> None:
    cells = results.cells
    rows = cells[(cells["stem"] == other.stem) & (cells["cell_id"] == other.cell_id)]
    if rows.empty:
        return
    side_px = window_side_px(cells)
    uris = cell_uris(results.folder / other.stem, image, rows, ["#FFFFFF"], side_px=side_px)
    p = float(rows.iloc[0][f"p_{target}"]) if f"p_{target}" in rows else float("nan")
    caption = f"{other.cell_id} · {p:.2f} · {other.label}"
    note = f"Cell {other.cell_id}: {other.label}, the most similar of another class"
    letter, colour = outcome_letter(other.label, results.classes), class_colour(other.label, results.classes)
    tile = Tile(str(other.cell_id), uris[other.cell_id], caption, letter, colour, note)
    pick_tile([tile], "", key=f"reasons_other_{results.run.id}_{image.id}_{other.cell_id}", tile_px=_TILE_PX)


def _flip(run: RunRecord, image: ImageRecord, cell_id: int, target: str) -> None:
    """Draw what was found of the smallest change of brightness that flips the call, or the way to have it searched."""
    job = flip_job(run, image.id, cell_id, target)
    if job is not None and job.status.active:
        wait_for(job)
        return
    if job is not None and job.status is Status.DONE:
        st.markdown(escape(str((job.result or {}).get("sentence", ""))))
        return
    if job is not None and job.status is Status.FAILED:
        show_error(ModelError(job.error or "the search failed; the worker's log says why"))
    st.button(
        "Search what would flip the call",
        icon=":material/brightness_6:",
        key="explain_flip",
        on_click=_request,
        args=(run, image.id, cell_id, target),
        help="Makes each channel brighter and darker, up to eight times, and asks the head again.",
    )


def _request(run: RunRecord, image_id: str, cell_id: int, target: str) -> None:
    try:
        request_flip(run, image_id, cell_id, target)
    except CellappError as error:
        show_error(error)
