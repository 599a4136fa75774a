"""Wrong calls and doubtful labels of a head, found again as cells of the project's runs, with their pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from cellapp.rendering.annotations import outcome_letter
from cellapp.rendering.colours import class_colour
from cellapp.store.head_evaluations import HeldOutImage
from cellapp.store.records import ImageRecord
from cellapp.ui.components.gallery import Tile
from cellapp.ui.components.scale_bar import bar_of
from cellapp.ui.layout.cell_thumbnails import cell_uris, window_side_px
from cellapp.ui.session.results import Results


@dataclass(frozen=True)
class JudgedCell:
    """A cell that a head was tested on."""

    key: str  # name that the training gave it
    run_id: str
    image_id: str
    cell_id: int
    group: str  # that the fold which called it had not seen
    truth: str  # label it was given
    call: str
    p_truth: float
    p_call: float
    suggested: str  # class that one click gives it


def judged_cells(errors: pd.DataFrame, images: Mapping[str, HeldOutImage], *, doubtful: bool) -> list[JudgedCell]:
    """Return the wrong calls, the surest first, or the labels that look wrong, in the order of `errors`.

    Parameters
    ----------
    errors : DataFrame
        See `cellapp.evaluation.evidence.worst_errors`.
    images : mapping of the name of an image in a training to HeldOutImage
        Cells of others are left out.
    doubtful : bool
        Labels that look wrong in place of wrong calls.
    """
    wanted = errors[errors["label_looks_wrong"]] if doubtful else errors[errors["label"] != errors["truth"]]
    cells = []
    for row in wanted.itertuples():
        name, _, cell_id = row.file.rpartition("/")
        if name in images and cell_id.isdecimal():
            one, suggested = images[name], row.looks_like if doubtful else row.label
            place = (row.file, one.run, one.image, int(cell_id), row.group)
            cells.append(JudgedCell(*place, row.truth, row.label, row.p_truth, row.p_label, suggested))
    return cells


def in_runs(cells: Sequence[JudgedCell], results: Mapping[str, Results], images: Mapping[str, ImageRecord]) -> list:
    """Return the cells whose run and image are still there."""
    there = {
        run_id: set(zip(found.cells["image_id"], found.cells["cell_id"], strict=True))
        for run_id, found in results.items()
    }
    return [
        cell
        for cell in cells
        if cell.image_id in images and (cell.image_id, cell.cell_id) in there.get(cell.run_id, ())
    ]


def tiles_of(
    cells: Sequence[JudgedCell],
    results: Results,
    images: Mapping[str, ImageRecord],
    given: Mapping[str, object],
    classes: tuple[str, ...],
) -> list[Tile]:
    """Draw cells of one run with what they were said to be, what they were called, and the button below.

    Parameters
    ----------
    cells : sequence of JudgedCell
    results : Results
        Of their run.
    images : mapping of image id to ImageRecord
    given : mapping
        Keys of cells whose class was just given here, which can be taken back.
    classes : tuple of str
        Classes of the head, for colours and letters.
    """
    tiles: dict[str, Tile] = {}
    for image_id in dict.fromkeys(cell.image_id for cell in cells):
        of_image = [cell for cell in cells if cell.image_id == image_id]
        tiles |= _of_image(of_image, results, images[image_id], given, classes)
    return [tiles[cell.key] for cell in cells]


def _of_image(
    cells: Sequence[JudgedCell],
    results: Results,
    image: ImageRecord,
    given: Mapping[str, object],
    classes: tuple[str, ...],
) -> dict[str, Tile]:
    side_px, by_hand = window_side_px(results.cells), results.manual_classes.get(image.id, {})
    table = results.cells[results.cells["image_id"] == image.id].set_index("cell_id", drop=False)
    rows = table.loc[[cell.cell_id for cell in cells]]
    shown = [by_hand.get(cell.cell_id) or cell.truth for cell in cells]  # a class given since then counts now
    colours = [class_colour(name, classes) for name in shown]
    folder = results.folder / str(rows["stem"].iloc[0])
    uris = cell_uris(folder, image, rows.reset_index(drop=True), colours, side_px=side_px)
    tiles, bar = {}, bar_of(side_px, image.um_per_px)
    for cell, name, colour in zip(cells, shown, colours, strict=True):
        now = by_hand.get(cell.cell_id, "")
        words = (_caption(cell, now), outcome_letter(name, classes), colour, _note(cell, image.name, now))
        action = "Take back" if cell.key in given else "" if now == cell.suggested else f"Make it {cell.suggested}"
        tiles[cell.key] = Tile(cell.key, uris[cell.cell_id], *words, bar, action)
    return tiles


def _caption(cell: JudgedCell, now: str) -> str:
    if now == cell.suggested and now != cell.truth:
        return f"now {now}"
    return f"{cell.truth}, called {cell.call} {cell.p_call:.2f}"


def _note(cell: JudgedCell, image: str, now: str) -> str:
    said = f"Cell {cell.cell_id} of {image}: said to be {cell.truth}, p({cell.truth}) {cell.p_truth:.2f} calibrated; "
    said += f"called {cell.call}, p({cell.call}) {cell.p_call:.2f}, by the fold that had not seen {cell.group}"
    return f"{said}; by hand now {now}" if now else said
