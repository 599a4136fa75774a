"""Labels of runs over HTTP: what was said of which cell and by whom, and tables of it in and out."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import APIRouter, Body, File, Query, UploadFile
from fastapi.responses import Response
from pydantic import BaseModel, Field

from cellapp.api.upload_route import received, upload_router
from cellapp.jobs.label_requests import import_label_file, request_label_files
from cellapp.labelling.label_table import write_label_table
from cellapp.store.given_labels import clear_labels, give_labels, set_retracted
from cellapp.store.label_exchange import Exchange, export_labels
from cellapp.store.label_rows import LabelRecord
from cellapp.store.label_version import label_version
from cellapp.store.run_labels import labels_of_run
from cellapp.store.runs import get_shown_run

router = APIRouter(tags=["labels"])
file_router = upload_router(tags=["labels"])

Who = Annotated[str, Body(description="Whose word it is; empty where nobody says.", max_length=200)]
Files = Annotated[bool, Body(description="Whether the files of the run follow at once, by a job.")]


class CellOfRun(BaseModel):
    """A cell of a run."""

    image_id: str
    cell_id: int = Field(ge=1, le=2**31 - 1)


class GivenLabel(CellOfRun):
    """A class for a cell of a run."""

    class_name: str = Field(alias="class", description="Becomes a class of the project.")


@router.get("/runs/{run_id}/labels")
def list_labels(run_id: str) -> dict[str, Any]:
    """List the last word of each person on each cell of a run, the labels that found no cell in it, and who agrees."""
    get_shown_run(run_id)
    found = labels_of_run(run_id)
    disputed = {(row.image_id, row.cell_id) for row in found.table.itertuples() if row.disputed}
    return {
        "labels": [_label(row, disputed) for row in found.words.itertuples()],
        "lost": [_lost(record) for record in found.lost],
        "agreement": [
            {"people": one.people, "n_cells": one.n_cells, "n_same": one.n_same, "kappa": _number(one.kappa)}
            for one in found.agreements
        ],
    }


def _label(row: Any, disputed: Set[tuple[str, int]]) -> dict[str, Any]:
    """Describe the word of a person on a cell, a row of the table of labels."""
    return {
        "id": row.label_id or None,
        "image_id": row.image_id,
        "cell_id": row.cell_id,
        "class": row.class_name,
        "who": row.who,
        "source": str(row.source),
        "when": row.created.isoformat(),
        "disputed": (row.image_id, row.cell_id) in disputed,
    }


@router.post("/runs/{run_id}/labels", status_code=201)
def add_labels(
    run_id: str, labels: Annotated[list[GivenLabel], Body()], who: Who = "", files: Files = True
) -> dict[str, Any]:
    """Give classes to cells; answers the ids of those that are new, and of what says each now, to retract them by."""
    run = get_shown_run(run_id)
    given = [((label.image_id, label.cell_id), label.class_name) for label in labels]
    said = give_labels(run.id, given, who=who)
    answer = _answer(run_id, said.added, {label.image_id for label in labels} if files and said.added else set())
    return answer | {"each": list(said.each)}


@router.post("/runs/{run_id}/labels/clear")
def take_back(
    run_id: str, cells: Annotated[list[CellOfRun], Body()], who: Who = "", files: Files = True
) -> dict[str, Any]:
    """Take back what one person said of some cells; answers the ids, to restore them by."""
    run = get_shown_run(run_id)
    ids = clear_labels(run.id, [(cell.image_id, cell.cell_id) for cell in cells], who=who)
    return _answer(run_id, ids, {cell.image_id for cell in cells} if files and ids else set())


@router.post("/runs/{run_id}/labels/retract")
def retract(run_id: str, ids: Annotated[list[int], Body()], files: Files = True) -> dict[str, Any]:
    """Take labels back by their ids; what was said before them counts again."""
    return _set_retracted(run_id, ids, files, retracted=True)


@router.post("/runs/{run_id}/labels/restore")
def restore(run_id: str, ids: Annotated[list[int], Body()], files: Files = True) -> dict[str, Any]:
    """Bring retracted labels back."""
    return _set_retracted(run_id, ids, files, retracted=False)


@router.post("/runs/{run_id}/labels/files", status_code=202)
def write_files(run_id: str, image_ids: Annotated[list[str], Body(embed=True)]) -> dict[str, str | None]:
    """Have the files of some images follow their labels; answers the job, null where there is nothing to write."""
    job = request_label_files(get_shown_run(run_id).id, image_ids)
    return {"job": job.id if job else None}


@router.get("/runs/{run_id}/labels.csv")
def export(run_id: str) -> Response:
    """Answer the labels of a run as CSV, as `python -m cellapp label export` writes it."""
    run = get_shown_run(run_id)
    with TemporaryDirectory() as folder:
        path = write_label_table(export_labels(Exchange(run.project_id, run)), Path(folder) / "labels.csv")
        content = path.read_bytes()
    headers = {"Content-Disposition": 'attachment; filename="labels.csv"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


@file_router.post("/runs/{run_id}/labels/import", status_code=201)
def import_table(
    run_id: str,
    file: Annotated[UploadFile, File()],
    who: Annotated[str, Query(description="Of lines that name nobody.")] = "",
) -> dict[str, Any]:
    """Add the labels of a CSV, as `python -m cellapp label import` reads it; a line left out is named in a sentence."""
    run = get_shown_run(run_id)
    with received([file], "labels.csv") as (path,):
        report = import_label_file(Exchange(run.project_id, run), path, who=who)
    shown = ("n_added", "n_known", "left_out", "notes")
    return {name: getattr(report, name) for name in shown}


def _set_retracted(run_id: str, ids: list[int], files: bool, *, retracted: bool) -> dict[str, Any]:
    run = get_shown_run(run_id)
    images = set_retracted(run.id, ids, retracted=retracted)
    return _answer(run_id, ids, set(images) if files else set())


def _answer(run_id: str, ids: Any, images: set[str]) -> dict[str, Any]:
    run = get_shown_run(run_id)
    if images:
        request_label_files(run_id, images)
    return {"ids": list(ids), "version": label_version(run.project_id)}


def _lost(record: LabelRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "image_id": record.image_id,
        "class": record.class_name,
        "who": record.who,
        "y": record.y_px,
        "x": record.x_px,
        "when": record.created.isoformat(),
    }


def _number(value: float) -> float | None:
    """Return a number as JSON has it; there is no NaN."""
    return value if value == value else None
