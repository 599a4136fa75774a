"""Rows of the runs table, and the records callers get of them."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Text, cast, func, select
from sqlalchemy.orm import Session

from cellapp.errors import InputError, StoreError
from cellapp.files import image_stems
from cellapp.images.settings_fit import check_settings
from cellapp.settings import AnalyseSettings
from cellapp.store.image_rows import image_record, image_row
from cellapp.store.records import ImageRecord, RunImage, RunRecord, Status
from cellapp.store.schema import Image, Run, RunImageRow


def run_row(session: Session, run_id: str) -> Run:
    """Return the row of a run inside a session; raises StoreError when there is none."""
    row = session.get(Run, run_id)
    if row is None:
        raise StoreError(f"no run {run_id!r}; it may have been deleted, choose another one")
    return row


def run_record(row: Run) -> RunRecord:
    """Return the frozen record of a row."""
    return _record(row, row.settings, [_image_record(image, image.image.name, image.summary) for image in row.images])


def run_records(session: Session, *where: ColumnElement[bool]) -> tuple[RunRecord, ...]:
    """Return the records of all runs that meet conditions, newest first.

    A project may have hundreds of runs, and every rerun of a page lists them: settings and summaries are read as text,
    and a record is made anew only where some of its content has changed.

    Parameters
    ----------
    session : Session
    *where : ColumnElement of bool
        On columns of `Run`.
    """
    rows = session.execute(_RUNS.where(*where).order_by(Run.created.desc(), Run.id)).all()
    images: dict[str, list[Row]] = defaultdict(list)
    for image in session.execute(_IMAGES.where(*where)):
        images[image.run_id].append(image)
    return tuple(_known_record(row, tuple(images[row.id])) for row in rows)


_RUNS = select(
    Run.id,
    Run.project_id,
    Run.name,
    Run.status,
    Run.created,
    Run.started,
    Run.finished,
    Run.removed,
    cast(Run.settings, Text).label("settings"),
)
_IMAGES = (
    select(
        RunImageRow.run_id,
        RunImageRow.image_id,
        Image.name,
        RunImageRow.stem,
        RunImageRow.status,
        RunImageRow.n_cells,
        RunImageRow.error,
        cast(RunImageRow.summary, Text).label("summary"),
    )
    .join(Run, Run.id == RunImageRow.run_id)
    .join(Image, Image.id == RunImageRow.image_id)
    .order_by(RunImageRow.position)
)


@lru_cache(maxsize=4096)
def _known_record(row: Row, images: tuple[Row, ...]) -> RunRecord:
    read = [_image_record(image, image.name, json.loads(image.summary or "{}")) for image in images]
    return _record(row, json.loads(row.settings), read)


def _record(row: Any, settings: Mapping[str, Any], images: Sequence[RunImage]) -> RunRecord:
    return RunRecord(
        id=row.id,
        project_id=row.project_id,
        name=row.name,
        status=row.status,
        settings=AnalyseSettings.model_validate(_finite(settings)),
        images=tuple(images),
        created=row.created,
        started=row.started,
        finished=row.finished,
        removed=row.removed,
    )


def _finite(content: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out numbers that are not finite, which version 0.1.0 took: the run still opens, at the defaults."""
    parts = {key: _finite(value) if isinstance(value, Mapping) else value for key, value in content.items()}
    return {key: value for key, value in parts.items() if not isinstance(value, float) or math.isfinite(value)}


def segmented_image(session: Session, row: RunImageRow) -> ImageRecord:
    """Return the image that is segmented for one of a run: its reference where it has one."""
    image = image_record(row.image)
    return image_record(image_row(session, image.reference_id)) if image.reference_id else image


def check_fit(images: Sequence[ImageRecord], settings: AnalyseSettings) -> None:
    """Refuse settings that fit none of some images; where they fit some, each other one fails with its own sentence.

    Raises
    ------
    InputError
        See `cellapp.images.settings_fit.check_settings`; for the first image.
    """
    refused = []
    for image in images:
        try:
            check_settings(image.info, settings, settings.um_per_px or image.um_per_px)
        except InputError as error:
            refused.append(error)
    if images and len(refused) == len(images):
        raise refused[0]


def _image_record(row: Any, name: str, summary: Mapping[str, Any] | None) -> RunImage:
    return RunImage(
        image_id=row.image_id,
        name=name,
        stem=row.stem,
        status=row.status,
        n_cells=row.n_cells,
        summary=dict(summary or {}),
        error=row.error,
    )


def new_image_rows(session: Session, project_id: str, image_ids: Sequence[str]) -> list[RunImageRow]:
    """Return the rows of a new run's images, in order, each with a folder name of its own."""
    images = [image_row(session, image_id) for image_id in image_ids]
    others = [image.name for image in images if image.project_id != project_id]
    if others:
        raise InputError(f"{others[0]!r} is an image of another project; a run takes images of its own project")
    stems = image_stems(_naming(image_record(image)) for image in images)
    return [
        RunImageRow(image_id=image.id, image=image, position=position, stem=stem, status=Status.QUEUED)
        for position, (image, stem) in enumerate(zip(images, stems, strict=True))
    ]


def _naming(image: ImageRecord) -> tuple[str, str, str]:
    """Return what `image_stems` takes; an image that a user renamed stands for itself."""
    if image.name == image.info.title and image.info.suffix:
        return image.info.name, image.file_digest, image.info.suffix
    return image.name, image.id, ""


def next_name(session: Session, project_id: str) -> str:
    """Return "Run 1", "Run 2"... for the next run of a project; the number counts deleted ones too."""
    n_runs = session.scalar(select(func.count()).where(Run.project_id == project_id)) or 0
    return f"Run {n_runs + 1}"
