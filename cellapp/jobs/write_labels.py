"""Bring the files of a run to the classes that people gave to its cells."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from cellapp.errors import InputError, StoreError
from cellapp.exports.apply_labels import apply_labels
from cellapp.jobs.run_lock import writing_files
from cellapp.jobs.run_report import write_run_report
from cellapp.labelling.analysed_cells import analysed_cells
from cellapp.store import labels, open_image, runs
from cellapp.store.cells import manual_labels
from cellapp.store.records import RunRecord, Status
from cellapp.types.image import OnStep


def write_labels(payload: Mapping[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Write the classes in force to the files of some images of a run.

    Parameters
    ----------
    payload : mapping
        ``{"run_id", "images": [image id]}``. With ``{"run_id", "labels": {image id: {cell id: class}}}`` the labels are
        given to the store, too, by nobody in particular; an empty class takes one back.
    on_step : callable
        Of a worker, with the time when the job was `submitted`: a cell of which somebody spoke since then keeps what
        was said last. The job may be done again after a crash, or have waited for long.

    Raises
    ------
    StoreError
        When the run has no such image; nothing is changed then.
    InputError
        When an image has no such cell.
    """
    run = runs.get_run(payload["run_id"])
    on_step("Writing the new labels", 0.1)
    given = payload.get("labels") or {image_id: {} for image_id in payload.get("images", ())}
    unknown = [image_id for image_id in given if run.image(image_id) is None]
    if unknown:
        raise StoreError(f"run {run.id!r} has no image {unknown[0]!r}; reload the page")
    since = getattr(on_step, "submitted", None)
    for image_id, by_cell in given.items():
        classes = {int(cell_id): name for cell_id, name in by_cell.items()}
        _check_cells(run, image_id, classes)
        newer = labels.cells_spoken_of(run.id, image_id, since) if since else set()
        labels.relabel(run.id, image_id, {cell: name for cell, name in classes.items() if cell not in newer})
        write_files_of(run, image_id)
    write_run_report(run)
    return {"run_id": run.id}


def _check_cells(run: RunRecord, image_id: str, cell_ids: Collection[int]) -> None:
    there = analysed_cells(runs.run_folder(run.id) / run.image(image_id).stem).table.index if cell_ids else ()
    unknown = sorted(set(cell_ids) - set(there))
    if unknown:
        raise InputError(f"{run.image(image_id).name!r} has no cell {unknown[0]}; its ids are in cells.csv")


def write_files_of(run: RunRecord, image_id: str) -> None:
    """Write what the store says of every cell of an image where its files say something else.

    Whoever comes last writes it all.
    """
    folder = runs.run_folder(run.id) / run.image(image_id).stem
    with writing_files(folder.parent):
        written = analysed_cells(folder).table["manual_label"].to_dict()
        in_force = dict.fromkeys(written, "") | manual_labels(run.id).get(image_id, {})
        changed = {cell_id: name for cell_id, name in in_force.items() if written.get(cell_id) != name}
        summary = apply_labels(folder, open_image.open_slide(image_id), changed) if changed else None
    if summary:
        runs.set_image_status(run.id, image_id, Status.DONE, n_cells=summary["n_cells"], summary=summary)
