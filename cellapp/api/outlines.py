"""Right outlines over HTTP: labels of files as the cells of a run, and segmenters retrained on what was corrected."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, File, UploadFile
from pydantic import ValidationError

from cellapp.api.upload_route import received, upload_router
from cellapp.errors import InputError
from cellapp.jobs.import_labels import import_labels
from cellapp.jobs.retrain_segmenter import RetrainRequest, corrected_images, request_retraining
from cellapp.store.projects import get_project

router = APIRouter(tags=["outlines"])
file_router = upload_router(tags=["outlines"])


@file_router.post("/projects/{project_id}/outlines", status_code=202)
def bring_in(
    project_id: str,
    files: Annotated[list[UploadFile], File(description="Called like their images: TIFF, PNG, _seg.npy, GeoJSON...")],
) -> dict[str, Any]:
    """Make a run whose cells are those of files of labels; poll ``/runs/{id}``."""
    project = get_project(project_id)
    with received(files, "labels") as paths:
        run = import_labels(project.id, paths)
    return {"id": run.id, "name": run.name, "images": [image.image_id for image in run.images]}


@router.get("/projects/{project_id}/outlines")
def list_corrected(project_id: str) -> list[dict[str, Any]]:
    """List the images whose outlines came from files or were edited by hand, each with its newest run."""
    found = corrected_images(get_project(project_id).id)
    return [
        {"run": one.run.id, "image": one.image.image_id, "name": one.image.name, "n_edits": one.n_edits}
        for one in found
    ]


@router.post("/projects/{project_id}/segmenters", status_code=202)
def retrain(
    project_id: str,
    request: Annotated[
        dict[str, Any],
        Body(description="learn and score ([[run, image], ...]), base, name, settings: as the page Outlines has them."),
    ],
) -> dict[str, str]:
    """Queue the retraining of a segmenter on corrected images; its scores before and after are kept with it."""
    fields = {**request, "project_id": get_project(project_id).id, "work": ""}
    return {"job": request_retraining(_checked(fields)).id}


def _checked(fields: dict[str, Any]) -> RetrainRequest:
    """Read a request; raises InputError with the first field that is wrong."""
    try:
        return RetrainRequest.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}; see /docs for what is taken") from error
