"""The HTTP API: the same store, jobs and files as the pages. Endpoints are plain functions: none blocks the loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from fastapi import Body, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from pydantic_core import PydanticSerializationError
from starlette.exceptions import HTTPException as AnyHTTPException

from cellapp import __version__
from cellapp.api import (
    crops,
    discover,
    edits,
    findings,
    heads,
    image_routes,
    labels,
    outlines,
    pictures,
    predict,
    reasons,
    regions,
    reports,
    screen,
    tiles,
    time_series,
    vectors,
)
from cellapp.errors import AccessError, BudgetError, CellappError, InputError, ModelError, StoreError
from cellapp.exports.refresh import refresh_run_files
from cellapp.exports.zip_bundle import bundle_files
from cellapp.images.channels import assign_channels
from cellapp.jobs import queue, worker_process
from cellapp.jobs.make_run_crops import images_without_crops
from cellapp.jobs.rest_of_run import request_rest
from cellapp.models.other_weights import other_weights
from cellapp.models.registry import registry
from cellapp.models.status import status
from cellapp.settings import AnalyseSettings
from cellapp.store import images, projects, runs
from cellapp.store.records import RunImage, RunRecord
from cellapp.store.run_answer import image_summaries, run_answer
from cellapp.store.run_weights import other_weights_of_run

_STATUS: tuple[tuple[type[CellappError], int], ...] = (
    (BudgetError, 413),
    (InputError, 422),
    (StoreError, 404),
    (ModelError, 409),
    (AccessError, 403),
)

_MOST_BODY_BYTES = 2**27  # of what is read into memory at once: the labels of a million cells

api = FastAPI(
    title="cellapp",
    version=__version__,
    description="From images to counted, explained, downloadable cells. Research use only, not for diagnosis.",
    max_body_size=_MOST_BODY_BYTES,
)
api.include_router(tiles.router)
api.include_router(pictures.router)
api.include_router(crops.router)
api.include_router(vectors.router)
api.include_router(findings.router)
api.include_router(discover.router)
api.include_router(screen.router)
api.include_router(screen.file_router)
api.include_router(time_series.router)
api.include_router(labels.router)
api.include_router(labels.file_router)
api.include_router(edits.router)
api.include_router(regions.router)
api.include_router(outlines.router)
api.include_router(outlines.file_router)
api.include_router(predict.router)
api.include_router(reports.router)
api.include_router(reasons.router)
api.include_router(heads.router)
api.include_router(heads.zip_router)
api.include_router(image_routes.router)
api.include_router(image_routes.file_router)


@api.exception_handler(CellappError)
def _error_response(request: Request, error: CellappError) -> JSONResponse:
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    return JSONResponse({"error": str(error)}, status_code=status)


@api.exception_handler(AnyHTTPException)
def _refused(request: Request, error: AnyHTTPException) -> JSONResponse:
    """Answer in the form of every other error; what FastAPI refuses by itself has no words of ours."""
    too_long = f"a request may have {_MOST_BODY_BYTES:,} bytes beside files; send it in parts"
    said = too_long if error.status_code == 413 else error.detail
    return JSONResponse({"error": said}, error.status_code, error.headers)  # such as the methods that a route has


@api.exception_handler(PydanticSerializationError)
@api.exception_handler(UnicodeEncodeError)
def _refused_text(request: Request, error: UnicodeEncodeError | PydanticSerializationError) -> JSONResponse:
    """Refuse half a letter, which JSON can write and no database, file or answer holds."""
    if "surrogates" not in str(error):
        raise error
    return JSONResponse({"error": "a text of the request holds half a letter (a lone surrogate); send UTF-8"}, 422)


@api.exception_handler(RequestValidationError)
def _refused_request(request: Request, error: RequestValidationError) -> JSONResponse:
    """Answer as FastAPI does, but without the values: one that is not finite cannot be put into JSON."""
    detail = [{key: one[key] for key in ("type", "loc", "msg")} for one in error.errors()]
    first = detail[0]
    return JSONResponse(
        {"error": f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}", "detail": detail}, status_code=422
    )


@api.get("/health")
def health() -> dict[str, str]:
    """Whether the server is up, and its version."""
    return {"status": "ok", "version": __version__}


@api.get("/models")
def list_models() -> list[dict[str, str]]:
    """Name, kind and state of every model."""
    return [
        {"name": entry.name, "kind": entry.kind, "state": status(name).state, "licence": entry.licence}
        for name, entry in registry().items()
    ]


@api.get("/projects")
def list_projects() -> list[dict[str, str]]:
    """Every project."""
    return [{"id": project.id, "name": project.name} for project in projects.list_projects()]


@api.post("/runs", status_code=202)
def start_run(
    image_ids: Annotated[list[str], Body()],
    settings: Annotated[AnalyseSettings, Body()],
    weights_sha256: Annotated[dict[str, str] | None, Body()] = None,
) -> dict[str, Any]:
    """Queue the analysis of images; poll ``/runs/{id}``.

    With the settings of an earlier run goes its ``weights_sha256`` of run.json: ``other_weights`` of the answer then
    says which models have other weights here.
    """
    if not image_ids:
        raise InputError("a run needs at least one image: POST /images first")
    records = [images.get_shown_image(image_id) for image_id in image_ids]
    for record in records:
        assign_channels(replace(record.info, channels=record.channels, roles=record.roles), settings.channels)
    project_id = records[0].project_id
    run = runs.create_run(project_id, image_ids, settings)
    queue.submit("analyse", {"run_id": run.id}, project_id)
    worker_process.ensure_worker()
    return _run(run) | {"other_weights": other_weights(weights_sha256 or {}, settings)}


@api.get("/runs/{run_id}")
def show_run(run_id: str) -> dict[str, Any]:
    """State, settings and per-image summaries of a run."""
    return _run(runs.get_shown_run(run_id))


@api.post("/runs/{run_id}/rest", status_code=202)
def do_rest(run_id: str) -> dict[str, Any]:
    """Queue the images of a run that failed or were not reached; those that are done stay."""
    request_rest(run_id)
    return _run(runs.get_shown_run(run_id))


@api.get("/runs/{run_id}/files")
def list_files(run_id: str) -> list[str]:
    """Paths of a run's files, as `analyse --out` would write them."""
    runs.get_shown_run(run_id)
    folder = runs.run_folder(run_id)
    refresh_run_files(folder)
    return [path.relative_to(folder).as_posix() for path in bundle_files(folder)]


@api.get("/runs/{run_id}/files/{path:path}")
def read_file(run_id: str, path: str) -> FileResponse:
    """One file of a run."""
    if path not in list_files(run_id):
        crops.refuse_missing(run_id, path)
        raise HTTPException(404, f"run {run_id} has no file {path!r}; GET /runs/{run_id}/files lists them")
    return FileResponse(runs.run_folder(run_id) / path, filename=Path(path).name)


def _run(run: RunRecord) -> dict[str, Any]:
    summaries = image_summaries(run)
    answer = run_answer(run, summaries)
    return {
        "id": run.id,
        "name": run.name,
        "status": run.status,
        "settings": run.settings.model_dump(mode="json"),
        "images": [_image(image, summaries[image.image_id]) for image in run.images],
        "without_crops": [image.stem for image in images_without_crops(run)],
        "answer": answer.fitness,
        "answer_reason": answer.reason,
        "other_weights": other_weights_of_run(run),
    }


def _image(image: RunImage, summary: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "image_id": image.image_id,
        "stem": image.stem,
        "status": image.status,
        "summary": summary,
        "error": image.error,
    }
