"""Classes, vectors and files of edited cells: those cells are cut, embedded and called anew, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from cellapp.classification.ensemble import Head
from cellapp.errors import InputError, ModelError
from cellapp.exports.apply_labels import summary_rows
from cellapp.exports.class_versions import ClassVersion, read_versions, version_of_run
from cellapp.exports.edited_maps import forget_maps
from cellapp.exports.edited_tables import replace_in_versions, replace_rows, with_class_columns, write_edited_tables
from cellapp.exports.image_folder import read_analysis
from cellapp.exports.run_json import EDITS, PICTURES_BY, read_run, write_run
from cellapp.exports.run_vectors import folder_vectors
from cellapp.exports.tables import read_cells, summary_row, write_summary
from cellapp.jobs import queue, worker_process
from cellapp.jobs.draw_pictures import EDITED, request_pictures
from cellapp.jobs.edit_masks import edited_image
from cellapp.jobs.edited_vectors import follow_vectors
from cellapp.jobs.run_lock import writing_files
from cellapp.jobs.write_edits import edits_done, keep_counts, slide_context
from cellapp.models.bundle import RunModels, load_models_to_embed
from cellapp.pipeline.edited_cells import call_edited, embed_edited
from cellapp.pipeline.progress import no_progress
from cellapp.pipeline.rescore import load_head
from cellapp.segmentation.label_image import open_label_image
from cellapp.settings import AnalyseSettings
from cellapp.store import cells as cell_store
from cellapp.store import runs, vectors
from cellapp.store.mask_edits import last_edit, list_edits
from cellapp.store.records import JobRecord, RunImage, RunRecord, Status
from cellapp.types.cells import Embeddings
from cellapp.types.image import OnStep


@dataclass(frozen=True, eq=False)
class _Waiting:
    """Edited cells of an image whose classes and files have to follow."""

    run: RunRecord
    image: RunImage
    folder: Path
    number: int  # of the last edit among them
    touched: frozenset[int]  # ids, of cells that are gone, too
    cells: pd.DataFrame  # rows of those that are there


@dataclass(frozen=True, eq=False)
class _Made:
    """What was computed of edited cells."""

    vectors: dict[str, Embeddings]  # key of the settings -> of the accepted cells
    classes: dict[str, pd.DataFrame]  # id of a version -> its columns


def request_follow(run_id: str, image_id: str) -> JobRecord:
    """Queue `follow_edits` for an image of a run, once."""
    run, payload = runs.get_run(run_id), {"run_id": run_id, "image_id": image_id}
    waiting = [job for job in queue.list_jobs(run.project_id) if job.kind == EDITED and job.status is Status.QUEUED]
    job = next((job for job in waiting if dict(job.payload) == payload), None) or queue.submit(
        EDITED, payload, run.project_id, urgent=True
    )
    worker_process.ensure_worker()
    return job


def last_follow(run_id: str, image_id: str) -> JobRecord | None:
    """Return the newest job of `request_follow` for an image of a run, whatever became of it."""
    jobs = queue.list_jobs(runs.get_run(run_id).project_id, active=False)
    wanted = {"run_id": run_id, "image_id": image_id}
    return next((job for job in jobs if job.kind == EDITED and dict(job.payload) == wanted), None)


def edited(payload: Mapping[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Have an image follow its edits; payload ``{"run_id", "image_id"}``."""
    return {"number": follow_edits(payload["run_id"], payload["image_id"], on_step)}


def follow_edits(run_id: str, image_id: str, on_step: OnStep | None = None) -> int:
    """Have classes, vectors and files follow the edits of an image of a run, as far as they have not.

    Tables, outlines, counts and vectors are written here; overlay, crops and report by `cellapp.jobs.draw_pictures`,
    which is queued. Cells that are edited while this works are left to the next call.

    Returns
    -------
    int
        Number of the edit that was followed.

    Raises
    ------
    InputError
        When the image has no result.
    ModelError
        When the head of the run cannot be had: the cells are counted, and have no class.
    """
    run, image = edited_image(run_id, image_id)
    on_step = on_step or no_progress
    waiting = _waiting(run, image)
    if not waiting.touched:
        on_step("Getting ready", 0.0)
        dict(_encoders(waiting))  # loads their libraries, before somebody who has the editor open waits for it
        return waiting.number
    on_step("Classifying edited cells", 0.2)
    try:
        made = _make(waiting)
    except InputError:  # a cell that somebody edits in this moment is not as the table has it
        if last_edit(run.id, image_id) > waiting.number:
            return waiting.number  # the job of that edit is waiting, and does these cells, too
        raise
    on_step("Writing tables", 0.7)
    with writing_files(waiting.folder.parent):
        newer = [record for record in list_edits(run.id, image_id) if record.number > waiting.number]
        _write(waiting, made, frozenset().union(*(record.cells for record in newer)))
    request_pictures(run.id)
    return waiting.number


def _waiting(run: RunRecord, image: RunImage) -> _Waiting:
    folder = runs.run_folder(run.id) / image.stem
    with writing_files(folder.parent):
        done, table = edits_done(folder), read_cells(folder / "cells.parquet")
        records = list_edits(run.id, image.image_id)
    followed = (record.cells for record in records if done["followed"] < record.number <= done["number"])
    touched = frozenset().union(*followed)
    return _Waiting(run, image, folder, done["number"], touched, table[table.index.isin(touched)])


def _make(waiting: _Waiting) -> _Made:
    """Embed the cells in each way that the run keeps vectors, and call them by the head of each version."""
    run, image, folder = waiting.run, waiting.image, waiting.folder
    accepted, labels = waiting.cells[waiting.cells["qc_pass"]], open_label_image(folder / "labels.tif")
    made = {
        key: embed_edited(slide_context(run, image, models), labels, accepted) for key, models in _encoders(waiting)
    }
    return _Made(made, {version.id: _edited_classes(waiting, version, made) for version in _versions(folder)})


def _encoders(waiting: _Waiting) -> Iterator[tuple[str, RunModels]]:
    """Yield each way in which vectors of the image are made or read, by its key, with its encoder."""
    in_folder, head = folder_vectors(waiting.folder), _head_of(_active(waiting.folder))
    ways = vectors.ways_kept(waiting.run.id, waiting.image.image_id)
    ways += [in_folder[1]] if in_folder else []
    ways += [head.vectors] if head else []
    for key, way in {way.key: way for way in ways}.items():
        with suppress(ModelError):  # an encoder that is not here: these vectors are made again when they are asked for
            yield key, load_models_to_embed(way)


def _active(folder: Path) -> ClassVersion:
    """Return the version of the classes that the files of an image show."""
    return read_versions(folder.parent).active or version_of_run(read_run(folder / "run.json"))


def _head_of(version: ClassVersion) -> Head | None:
    """Return the head of a version; None without one, and where it is not here any more."""
    try:
        head = load_head(version.settings.head) if version.head and version.settings.head else None
    except ModelError:
        return None
    return head if head and head.identity == version.head else None


def _versions(folder: Path) -> list[ClassVersion]:
    """Return the versions of the classes of a run, of most runs the one in its files."""
    known = read_versions(folder.parent).versions
    return list(known) or [version_of_run(read_run(folder / "run.json"))]


def _edited_classes(waiting: _Waiting, version: ClassVersion, made: Mapping[str, Embeddings]) -> pd.DataFrame:
    """Return the classes of the cells in one version; no columns where its head is gone or reads other vectors."""
    head = _head_of(version)
    embeddings = made.get(head.vectors.key) if head else None
    if head is None or embeddings is None:
        return waiting.cells[[]]
    return call_edited(waiting.cells, head, embeddings, version.settings)


def _write(waiting: _Waiting, made: _Made, newer: frozenset[int]) -> None:
    """Write what was made of all cells that nobody edited since."""
    run, image, folder = waiting.run, waiting.image, waiting.folder
    table = read_cells(folder / "cells.parquet")
    here = table.index.intersection(waiting.cells.index.difference([*newer]))
    rows = with_class_columns(table.loc[here], made.classes[_active(folder).id].reindex(here))
    table = replace_rows(table, rows, here)
    cell_store.replace_cells(run.id, image.image_id, table.loc[here], here)
    replace_in_versions(folder.parent, image.stem, here, lambda version: made.classes[version.id].reindex(here))
    follow_vectors(run, image, made.vectors, gone=waiting.touched | newer, newer=newer)
    forget_maps(folder, waiting.touched)
    analysis = replace(read_analysis(folder, decoded=False), cells=table)
    write_edited_tables(analysis, folder, waiting.touched | newer)
    content = read_run(folder / "run.json")
    settings = AnalyseSettings.model_validate(content["settings"])
    summary = summary_row(analysis, content["summary"]["seconds"], settings)
    kept = {name: content[name] for name in (PICTURES_BY,) if name in content}
    done = {**edits_done(folder), "followed": waiting.number}
    provenance = {**analysis.provenance, **kept, EDITS: done}
    write_run(replace(analysis, provenance=provenance), settings, summary, folder / "run.json")
    keep_counts(run, image, summary)
    write_summary(summary_rows(folder.parent), folder.parent)
