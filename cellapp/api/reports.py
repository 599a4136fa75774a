"""Reports of runs over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse

from cellapp.exports.refresh import refresh_run_files
from cellapp.jobs.make_report import request_report
from cellapp.store import runs

router = APIRouter()


@router.post("/runs/{run_id}/report", status_code=202)
def make_report(run_id: str) -> dict[str, str]:
    """Queue the report of a run, with cells and their maps.

    The answer names the job: poll ``/jobs/{id}``, then ``GET /runs/{run_id}/report``.
    """
    return {"job": request_report(runs.get_shown_run(run_id).id).id}


@router.get("/runs/{run_id}/report")
def read_report(run_id: str) -> FileResponse:
    """Give the report of a run as it is: one HTML page that opens without a network."""
    folder = runs.run_folder(runs.get_shown_run(run_id).id)
    refresh_run_files(folder)
    if not (folder / "report.html").is_file():
        raise HTTPException(404, f"run {run_id} has no report yet; POST /runs/{run_id}/report makes it")
    return FileResponse(folder / "report.html", filename=f"{folder.name}_report.html", media_type="text/html")
