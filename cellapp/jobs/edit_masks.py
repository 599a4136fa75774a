"""Edits of the cells of a stored run by hand: labels, measurements and rows follow at once, see also `follow_edits`.

One process at a time edits a run. What was written down and not yet done when a process ended is done by the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cellapp.cells.shape import BOX_COLUMNS
from cellapp.editing.canvas import Canvas, join_changes
from cellapp.editing.edit import Edit
from cellapp.editing.history import EditRecord
from cellapp.editing.kept_changes import changes_of, keep_change, kept_change
from cellapp.editing.session import EditSession, extents
from cellapp.errors import InputError
from cellapp.exports.tables import read_cells
from cellapp.files import clean_text
from cellapp.jobs.run_lock import writing_files
from cellapp.jobs.write_edits import Edited, edits_done, write_edited
from cellapp.segmentation.label_image import open_label_image
from cellapp.store import runs
from cellapp.store.mask_edits import add_edits, list_edits
from cellapp.store.records import RunImage, RunRecord, Status
from cellapp.types.image import Region


@dataclass(frozen=True)
class EditReport:
    """What became of some edits."""

    number: int  # of the last edit of the image: what a person has seen who has seen this
    sentences: tuple[str, ...]  # one for each edit
    changed: tuple[int, ...]  # ids of cells that are there now, ascending
    gone: tuple[int, ...]  # ids of cells that are not there any more


def edit_masks(
    run_id: str, image_id: str, edits: Sequence[Edit], *, who: str = "", seen: int | None = None
) -> EditReport:
    """Edit the cells of an image of a run: all of the edits, or none of them.

    Label image, measurements and the rows of changed cells are written here; their classes, and the files that people
    take home, by `cellapp.jobs.follow_edits.follow_edits`.

    Parameters
    ----------
    run_id, image_id : str
    edits : sequence of Edit
        At least one.
    who : str
    seen : int, optional
        Number of the last edit that the person has seen; cells that others changed since are refused.

    Raises
    ------
    InputError
        When an edit cannot be done, in a sentence that says why and what to do.
    StoreError
        When there is no such run.
    """
    run, image = edited_image(run_id, image_id)
    folder, who = runs.run_folder(run.id) / image.stem, clean_text(who).strip()
    with writing_files(folder.parent):
        records = list_edits(run.id, image_id)
        table = _settle(run, image, folder, records)
        session = EditSession(_canvas(folder), _boxes(table), records, lambda number: kept_change(folder, number))
        new = [session.do(edit, who=who, seen=seen) for edit in edits]
        for record in new:
            if record.edit.number is None:  # undo and redo have the pixels of another one
                keep_change(folder, record.number, session.changes[record.number])
        add_edits(run.id, image_id, new)
        change = join_changes([session.changes[record.number] for record in new])
        touched = frozenset().union(*(record.cells for record in new))
        boxes = {cell: session.boxes[cell] for cell in touched if cell in session.boxes}
        write_edited(Edited(run, image, folder, table, change, touched, boxes, session.records))
    gone = tuple(sorted(touched - boxes.keys()))
    return EditReport(new[-1].number, tuple(record.sentence for record in new), tuple(sorted(boxes)), gone)


def edited_image(run_id: str, image_id: str) -> tuple[RunRecord, RunImage]:
    """Return a run and one of its images whose cells can be edited; raises InputError where it has no result yet."""
    run = runs.get_shown_run(run_id)
    image = run.image(image_id)
    if image is None or image.status is not Status.DONE or run.status.active:
        raise InputError(f"{run.name!r} has no cells of this image to edit; wait until it is done, or run it again")
    return run, image


def _settle(run: RunRecord, image: RunImage, folder: Path, records: Sequence[EditRecord]) -> pd.DataFrame:
    """Do what was written down and not done, and return the cell table."""
    table, done = read_cells(folder / "cells.parquet"), edits_done(folder)["number"]
    waiting = [record for record in records if record.number > done]
    if not waiting:
        return table
    canvas, changes = _canvas(folder), changes_of(folder, waiting)
    for change in changes:
        canvas.apply(change)
    touched = frozenset().union(*(record.cells for record in waiting))
    change = join_changes(changes)
    boxes = {cell: box for cell, box in extents(canvas, change, _boxes(table), touched).items() if box.height}
    write_edited(Edited(run, image, folder, table, change, touched, boxes, records))
    return read_cells(folder / "cells.parquet")


def _canvas(folder: Path) -> Canvas:
    labels = open_label_image(folder / "labels.tif")
    return Canvas(lambda region: labels[region.slices], labels.shape)


def _boxes(table: pd.DataFrame) -> dict[int, Region]:
    corners = table[BOX_COLUMNS].to_numpy(int).tolist()
    ids = table.index.tolist()
    return {cell: Region(y0, x0, y1 - y0, x1 - x0) for cell, (y0, x0, y1, x1) in zip(ids, corners, strict=True)}
