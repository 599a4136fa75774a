"""Heads of projects over HTTP: training one, following it, and what is known of it, as the Train page shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Any

from fastapi import APIRouter, File, HTTPException, UploadFile
from fastapi.responses import FileResponse, StreamingResponse

from cellapp.api.upload_route import received, upload_router
from cellapp.errors import InputError
from cellapp.evaluation.verdict import verdict_of
from cellapp.files import clean_name
from cellapp.jobs import queue
from cellapp.jobs.evaluations import looks_of
from cellapp.jobs.train import request_training
from cellapp.jobs.training_cells import TrainChoice, TrainRequest
from cellapp.jobs.training_folder import live_curves
from cellapp.store.head_zip import export_head, import_head
from cellapp.store.heads import HeadRecord, get_shown_head, list_heads
from cellapp.store.projects import get_project

router = APIRouter(tags=["heads"])
zip_router = upload_router(tags=["heads"])
_CHUNK = 2**20


@router.post("/projects/{project_id}/heads", status_code=202)
def train(project_id: str, choice: TrainChoice) -> dict[str, str]:
    """Queue the training of a head, a linear probe or, with ``recipe.mode`` "finetune", with its encoder.

    The answer names the job: poll ``/jobs/{id}``, whose result has the ``head_id`` of ``/heads/{id}``.
    """
    return {"job": request_training(TrainRequest(project_id=project_id, **dict(choice))).id}


@router.get("/jobs/{job_id}/curves")
def read_curves(job_id: str) -> dict[str, Any]:
    """Give the curves of a fine-tuning so far: one list of points per fold, one point per epoch."""
    return live_curves(queue.get_job(job_id)) or {"fits": []}


@router.post("/jobs/{job_id}/cancel", status_code=202)
def cancel(job_id: str) -> dict[str, str]:
    """Cancel a job: at once while no worker has it, else at its next step."""
    return {"status": queue.request_cancel(job_id).status.value}


@router.get("/projects/{project_id}/heads")
def list_kept(project_id: str) -> list[dict[str, Any]]:
    """Heads of a project, newest first."""
    return [_head(head) for head in list_heads(get_project(project_id).id)]


@zip_router.post("/projects/{project_id}/heads/zip", status_code=201)
def bring_in(project_id: str, file: Annotated[UploadFile, File()]) -> dict[str, Any]:
    """Add the head in a zip, as ``GET /heads/{id}/zip`` gives it, to a project."""
    with received([file], "head.zip") as (path,):
        return _head(import_head(get_project(project_id).id, path))


@router.get("/heads/{head_id}")
def show_head(head_id: str) -> dict[str, Any]:
    """Say what is known of a head: the verdict in sentences, what speaks against it, all figures, and its files."""
    head = get_shown_head(head_id)
    known = {"metrics": dict(head.metrics), "files": _files(head), "earlier_looks": vars(looks_of(head))}
    return _head(head) | {"verdict": _verdict(head)} | known


@router.get("/heads/{head_id}/zip")
def take_out(head_id: str) -> StreamingResponse:
    """Give the folder of a head as one zip."""
    head = get_shown_head(head_id)
    stream = TemporaryFile()  # noqa: SIM115 closed when it was sent
    export_head(head, stream)
    stream.seek(0)
    name = clean_name(f"{head.name}.zip").encode("ascii", "replace").decode().replace('"', "_")
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_sent(stream), media_type="application/zip", headers=headers)


@router.get("/heads/{head_id}/files/{path:path}")
def read_file(head_id: str, path: str) -> FileResponse:
    """Give one file of a head: ``curves.json``, ``errors.csv``, ``folds.csv``, ``card.md``..."""
    head = get_shown_head(head_id)
    if path not in _files(head):
        raise HTTPException(404, f"head {head_id} has no file {path!r}; GET /heads/{head_id} lists them")
    return FileResponse(head.folder / path, filename=Path(path).name)


def _head(head: HeadRecord) -> dict[str, Any]:
    facts = {"id": head.id, "name": head.name, "head": head.identity, "project": head.project_id}
    return facts | {"created": head.created.isoformat()}


def _verdict(head: HeadRecord) -> dict[str, Any] | None:
    try:
        judged = verdict_of(head.folder)
    except InputError:  # brought in without the files that say it
        return None
    return {**vars(judged), "doubts": list(judged.doubts)}


def _files(head: HeadRecord) -> list[str]:
    return sorted(path.relative_to(head.folder).as_posix() for path in head.folder.rglob("*") if path.is_file())


def _sent(stream: Any) -> Iterator[bytes]:
    with stream:
        while piece := stream.read(_CHUNK):
            yield piece
