"""What is written at once of edited cells: label image, measurements, rows of the store, and counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cellapp.editing.canvas import Change, by_tile
from cellapp.editing.history import EditRecord, edits_in_force
from cellapp.exports.edited_tables import no_classes, replace_in_versions, replace_rows
from cellapp.exports.image_folder import NUCLEI, read_analysis
from cellapp.exports.label_image import rewrite_tiles, tile_corner
from cellapp.exports.run_json import EDITS, PICTURES_BY, read_run, write_run
from cellapp.exports.tables import summary_row, write_cells
from cellapp.models.bundle import RunModels
from cellapp.pipeline.active_classes import pictures_shown
from cellapp.pipeline.context import ImageContext, make_context
from cellapp.pipeline.edited_cells import measure_edited
from cellapp.regions.words import REGIONS
from cellapp.segmentation.label_image import open_label_image
from cellapp.settings import AnalyseSettings
from cellapp.store import cells as cell_store
from cellapp.store import runs
from cellapp.store.open_image import open_slide
from cellapp.store.records import RunImage, RunRecord, Status
from cellapp.types.image import Region


@dataclass(frozen=True, eq=False)
class Edited:
    """Edits of an image of a run that are to be written."""

    run: RunRecord
    image: RunImage
    folder: Path  # of the image in the run
    table: pd.DataFrame  # the cell table before
    change: Change
    cells: frozenset[int]  # ids of those that changed
    boxes: Mapping[int, Region]  # of those among them that are there after it
    records: Sequence[EditRecord]  # all edits of the image, with these


def write_edited(edited: Edited) -> None:
    """Write label image, cell table, classes, rows of the store and run.json; may be done again after a crash.

    Edited cells have no class of the head yet. Where a file of nuclei is there, nuclear pixels go to the cell that they
    lie in now.
    """
    run, image, folder = edited.run, edited.image, edited.folder
    _rewrite_labels(folder, edited.change)
    nuclei = open_label_image(folder / NUCLEI) if (folder / NUCLEI).is_file() else None
    others = edited.table.drop(index=edited.table.index.intersection([*edited.cells]))
    labels = open_label_image(folder / "labels.tif")
    rows = measure_edited(slide_context(run, image), labels, edited.boxes, others, nuclei)
    cell_store.replace_cells(run.id, image.image_id, rows, edited.cells)
    table = replace_rows(_with_column_by_hand(edited.table, run, image), _by_hand(rows, run, image), edited.cells)
    replace_in_versions(folder.parent, image.stem, edited.cells, no_classes(rows.index))
    write_cells(table, folder / "cells.parquet")
    _write_run(edited, table)


def edits_done(folder: Path) -> Mapping[str, int]:
    """Return what run.json of an image says of its edits, see `cellapp.exports.run_json.EDITS`."""
    return {"number": 0, "followed": 0, "in_force": 0, **(read_run(folder / "run.json").get(EDITS) or {})}


def slide_context(run: RunRecord, image: RunImage, models: RunModels | None = None) -> ImageContext:
    """Return the image that the cells of a run are measured in, as the run described it."""
    return make_context(open_slide(image.image_id), None, models or RunModels(None), run.settings)


def keep_counts(edited_run: RunRecord, image: RunImage, summary: Mapping[str, Any]) -> None:
    """Write the counts of an image into the store."""
    n_cells = int(summary["n_cells"])
    runs.set_image_status(edited_run.id, image.image_id, Status.DONE, n_cells=n_cells, summary=summary)


def _rewrite_labels(folder: Path, change: Change) -> None:
    tiles = dict(by_tile(change))
    um_per_px = read_run(folder / "run.json")["image"].get("um_per_px")

    def redraw(row: int, column: int, decode: Callable[[], np.ndarray]) -> np.ndarray | None:
        return _redrawn(decode(), change.part(tiles[row, column])) if (row, column) in tiles else None

    def redraw_nuclei(row: int, column: int, decode: Callable[[], np.ndarray]) -> np.ndarray | None:
        if (row, column) not in tiles:
            return None
        before = decode()
        after = _redrawn(before, change.part(tiles[row, column]))
        return np.where((before > 0) & (after > 0), after, before)

    rewrite_tiles(folder / "labels.tif", redraw, um_per_px=um_per_px)
    if (folder / NUCLEI).is_file():
        rewrite_tiles(folder / NUCLEI, redraw_nuclei, um_per_px=um_per_px)


def _redrawn(tile: np.ndarray, change: Change) -> np.ndarray:
    """Return a tile with the pixels of a change, all of which lie in it."""
    redrawn = tile.copy()
    y, x = tile_corner(int(change.y[0]), int(change.x[0]))
    redrawn[change.y - y, change.x - x] = change.after
    return redrawn


def _by_hand(rows: pd.DataFrame, run: RunRecord, image: RunImage) -> pd.DataFrame:
    """Add the classes that people gave to the edited cells."""
    given = cell_store.manual_labels(run.id).get(image.image_id, {})
    return rows.assign(manual_label=pd.Series([given.get(int(i), "") for i in rows.index], rows.index, dtype=object))


def _with_column_by_hand(table: pd.DataFrame, run: RunRecord, image: RunImage) -> pd.DataFrame:
    """Return a table without a head's classes with a column for those by hand, where anybody gave one."""
    if "manual_label" in table or not cell_store.manual_labels(run.id).get(image.image_id):
        return table
    return table.assign(manual_label=pd.Series("", table.index, dtype=object))


def _write_run(edited: Edited, table: pd.DataFrame) -> None:
    folder, change = edited.folder, edited.change
    run, before = read_run(folder / "run.json"), read_analysis(folder, decoded=False)
    gained = np.count_nonzero(change.after) - np.count_nonzero(change.before)
    n_px = (run.get(REGIONS) or {}).get("area_px") or before.info.pixels
    last = edited.records[-1].number
    done = {**edits_done(folder), "number": last, "in_force": len(edits_in_force(edited.records))}
    settings = AnalyseSettings.model_validate(run["settings"])
    covered = round(before.confluency * n_px) + gained
    provenance = {**before.provenance, EDITS: done, PICTURES_BY: pictures_shown(run)}
    after = replace(before, cells=table, confluency=min(max(covered / n_px, 0.0), 1.0), provenance=provenance)
    summary = summary_row(after, run["summary"]["seconds"], settings)
    write_run(after, settings, summary, folder / "run.json")
    keep_counts(edited.run, edited.image, summary)
