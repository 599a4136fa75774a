"""Runs: which images are analysed with which settings, and the state of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select

from cellapp.errors import InputError, StoreError
from cellapp.files import clean_text
from cellapp.settings import AnalyseSettings, ClassifySettings
from cellapp.store.bin import to_bin
from cellapp.store.blobs import home_folder, without_home
from cellapp.store.cells import delete_cells
from cellapp.store.database import reading, writing
from cellapp.store.json_values import json_mapping, plain_text
from cellapp.store.named_models import require_named_models
from cellapp.store.projects import project_row
from cellapp.store.records import RunRecord, Status
from cellapp.store.regions import freeze_regions
from cellapp.store.run_rows import (
    check_fit,
    new_image_rows,
    next_name,
    run_record,
    run_records,
    run_row,
    segmented_image,
)
from cellapp.store.schema import Run, RunImageRow, now

UNDO_S = 7 * 24 * 3600.0
"""A deleted run can be brought back for a week."""


def create_run(
    project_id: str, image_ids: Sequence[str], settings: AnalyseSettings, name: str | None = None
) -> RunRecord:
    """Add a queued run; each image gets the name of its folder and keeps the regions it has now.

    Parameters
    ----------
    project_id : str
    image_ids : sequence of str
        Images of the project, each once.
    settings : AnalyseSettings
    name : str, optional
        "Run 1", "Run 2"... when left out.

    Raises
    ------
    InputError
        No image, one twice, or one of another project; a model that is not known by name, see
        `cellapp.store.named_models`; numbers that fit none of the images, see `cellapp.images.settings_fit`.
    """
    if not image_ids or len(set(image_ids)) < len(image_ids):
        raise InputError(f"a run takes at least one image and each once; got {len(image_ids)}")
    require_named_models(project_id, settings)
    with writing() as session:
        project_row(session, project_id)
        rows = new_image_rows(session, project_id, image_ids)
        check_fit([segmented_image(session, row) for row in rows], settings)
        run = Run(project_id=project_id, status=Status.QUEUED, settings=settings.model_dump(mode="json"), images=rows)
        run.name = clean_text(name) if name and name.strip() else next_name(session, project_id)
        session.add(run)
        session.flush()
        freeze_regions(session, run.id, image_ids)
        return run_record(run)


def get_run(run_id: str) -> RunRecord:
    """Return a run, deleted ones too until they are purged. Raises StoreError when there is none."""
    with reading() as session:
        return run_record(run_row(session, run_id))


def get_shown_run(run_id: str) -> RunRecord:
    """Return a run as visitors may see it. Raises StoreError for one in the bin, too."""
    run = get_run(run_id)
    if run.removed is not None:
        raise StoreError(f"run {run_id!r} was deleted; bring it back on the Runs page")
    return run


def list_runs(project_id: str, *, removed: bool = False) -> tuple[RunRecord, ...]:
    """Return the runs of a project, newest first; those in the bin instead when `removed`."""
    in_bin = Run.removed.is_not(None) if removed else Run.removed.is_(None)
    with reading() as session:
        return run_records(session, Run.project_id == project_id, in_bin)


def list_active_runs(before: datetime) -> tuple[RunRecord, ...]:
    """Return the runs of all projects that wait or work and were made before a time, newest first."""
    active = Run.status.in_((Status.QUEUED, Status.RUNNING))
    with reading() as session:
        return run_records(session, active, Run.created < before, Run.removed.is_(None))


def run_folder(run_id: str) -> Path:
    """Return the folder of a run's files, made when it is not there. Raises StoreError when there is no such run."""
    with reading() as session:
        return home_folder("runs", run_row(session, run_id).id)


def rename_run(run_id: str, name: str) -> RunRecord:
    """Give a run another name."""
    if not name.strip():
        raise InputError("a run needs a name of at least one letter; got an empty one")
    with writing() as session:
        row = run_row(session, run_id)
        row.name = clean_text(name)
        return run_record(row)


def set_classify(run_id: str, classify: ClassifySettings) -> RunRecord:
    """Say which head gave the classes that a run shows now; all other settings stay."""
    with writing() as session:
        row = run_row(session, run_id)
        row.settings = {**row.settings, "classify": classify.model_dump(mode="json")}
        return run_record(row)


def start_run(run_id: str) -> RunRecord:
    """Mark a run as running, for the first time or again; images that are done stay done."""
    with writing() as session:
        row = run_row(session, run_id)
        row.status, row.started, row.finished = Status.RUNNING, row.started or now(), None
        for image in row.images:
            if image.status != Status.DONE:
                image.status, image.error = Status.QUEUED, None
        return run_record(row)


def set_image_status(
    run_id: str,
    image_id: str,
    status: Status | str,
    *,
    n_cells: int | None = None,
    summary: Mapping[str, Any] | None = None,
    error: str | None = None,
) -> None:
    """Set the state of one image of a run.

    Parameters
    ----------
    run_id, image_id : str
    status : Status
    n_cells : int, optional
        Cells found, once done.
    summary : mapping, optional
        The image's row of summary.csv; numbers that are not finite are kept as None.
    error : str, optional
        One sentence, once failed.
    """
    with writing() as session:
        row = session.get(RunImageRow, (run_id, image_id))
        if row is None:
            raise StoreError(f"run {run_id!r} has no image {image_id!r}")
        row.status, row.n_cells, row.error = Status(status), n_cells, _shown_error(error)
        row.summary = json_mapping(summary or {})


def finish_run(run_id: str, *, interrupted: Status = Status.FAILED, error: str | None = None) -> RunRecord:
    """Mark a run as ended; its status follows from its images.

    Parameters
    ----------
    run_id : str
    interrupted : Status
        What images become that were not reached, `Status.CANCELLED` or `Status.FAILED`.
    error : str, optional
        One sentence for the images that were not reached.
    """
    with writing() as session:
        row = run_row(session, run_id)
        for image in row.images:
            if image.status.active:
                image.status, image.error = interrupted, _shown_error(error)
        row.status, row.finished = _overall({image.status for image in row.images}), now()
        return run_record(row)


def delete_run(run_id: str) -> RunRecord:
    """Put a run into the bin: it leaves the lists, its files stay until `purge_deleted`."""
    with writing() as session:
        row = run_row(session, run_id)
        row.removed = now()
        return run_record(row)


def restore_run(run_id: str) -> RunRecord:
    """Take a run out of the bin."""
    with writing() as session:
        row = run_row(session, run_id)
        row.removed = None
        return run_record(row)


def purge_deleted(older_than_s: float = UNDO_S) -> int:
    """Delete runs removed so many seconds ago; their files go to the bin of the disk. Returns how many."""
    old = Run.removed < now() - timedelta(seconds=older_than_s)
    with reading() as session:
        run_ids = session.scalars(select(Run.id).where(old)).all()
    gone: list[str] = []
    for run_id in run_ids:
        delete_cells(run_id)
        with writing() as session:  # not one that was brought back meanwhile
            gone += session.scalars(delete(Run).where(Run.id == run_id, old).returning(Run.id)).all()
    for run_id in gone:
        to_bin(home_folder("runs") / run_id)
    return len(gone)


def _shown_error(error: str | None) -> str | None:
    return plain_text(without_home(error)) if error else plain_text(error)


def _overall(statuses: set[Status]) -> Status:
    if len(statuses) == 1:
        return statuses.pop()
    if Status.DONE in statuses:
        return Status.PARTIAL
    return Status.CANCELLED if Status.CANCELLED in statuses else Status.FAILED
