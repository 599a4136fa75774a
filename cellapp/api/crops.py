"""crops.zip over HTTP: what a run has of it, having the rest made, and fetching it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse

from cellapp.exports.crops_zip import CROPS, has_crops
from cellapp.jobs.make_run_crops import crops_job, expected_cost, images_without_crops, request_crops
from cellapp.store import runs

router = APIRouter()


@router.post("/runs/{run_id}/crops", status_code=202)
def make_crops(run_id: str) -> dict[str, str]:
    """Queue the making of crops.zip for the images of a run that have none.

    The answer names the job: poll ``/jobs/{id}``, then ``GET /runs/{run_id}/crops/{stem}``.
    """
    return {"job": request_crops(run_id).id}


@router.get("/runs/{run_id}/crops")
def list_crops(run_id: str) -> dict[str, Any]:
    """Images of a run with and without crops.zip, what making the rest will take, and the job that makes it."""
    run = runs.get_shown_run(run_id)
    job, cost, folder = crops_job(run), expected_cost(run), runs.run_folder(run.id)
    return {
        "made": [image.stem for image in run.images if has_crops(folder / image.stem)],
        "without_crops": [image.stem for image in images_without_crops(run)],
        "expected_seconds": round(cost.seconds, 3),
        "expected_bytes": cost.n_bytes,
        "job": job.id if job else None,
    }


@router.get("/runs/{run_id}/crops/{stem}")
def read_crops(run_id: str, stem: str) -> FileResponse:
    """crops.zip of one image; 404 while it was not asked for, 409 while it is being made."""
    run = runs.get_shown_run(run_id)
    stems = [image.stem for image in run.images]
    if stem not in stems:
        raise HTTPException(404, f"run {run_id} has no image {stem!r}; it has {', '.join(stems)}")
    path = runs.run_folder(run.id) / stem / CROPS
    if not path.is_file():
        refuse_missing(run_id, f"{stem}/{CROPS}")
    return FileResponse(path, filename=f"{stem}_{CROPS}")


def refuse_missing(run_id: str, path: str) -> None:
    """Say of a file that is not there, where it is crops.zip of an image, how to have it made."""
    run, file = runs.get_shown_run(run_id), PurePosixPath(path)
    if file.name != CROPS or str(file.parent) not in [image.stem for image in run.images]:
        return
    job = crops_job(run)
    if job is not None:
        raise HTTPException(409, f"{path!r} is being made: poll /jobs/{job.id}")
    raise HTTPException(404, f"run {run_id} was analysed without {path!r}; POST /runs/{run_id}/crops makes it")
