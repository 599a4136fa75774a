"""What the calls of a run rest on, over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from cellapp.errors import InputError
from cellapp.explanation.finding_tables import needed, with_truth
from cellapp.explanation.findings import findings
from cellapp.exports.explanation_truth import doubt_of
from cellapp.exports.explanations import read_explanation_summary
from cellapp.exports.run_json import read_run
from cellapp.jobs import queue, worker_process
from cellapp.store import runs
from cellapp.store.cells import manual_labels
from cellapp.store.records import Status

router = APIRouter()
Target = Annotated[str, Query(description="Class to explain.", min_length=1)]


@router.post("/runs/{run_id}/findings", status_code=202)
def measure_findings(run_id: str, target: Target) -> dict[str, str]:
    """Queue the measuring of what the calls of a run rest on.

    The answer names the job: poll ``/jobs/{id}``, then ``GET /runs/{run_id}/findings``.
    """
    run = runs.get_shown_run(run_id)
    if run.settings.classify.head is None:
        raise InputError("this run counted cells without classes, so that calls rest on nothing: run with a head")
    job = queue.submit("regions", {"run_id": run.id, "target": target}, run.project_id)
    worker_process.ensure_worker()
    return {"job": job.id}


@router.get("/runs/{run_id}/findings")
def read_findings(run_id: str, target: Target) -> dict[str, Any]:
    """Sentences, tables and notes on what the calls of a run rest on, as `explain findings --json` gives them."""
    run = runs.get_shown_run(run_id)
    stems = {image.image_id: image.stem for image in run.images if image.status is Status.DONE}
    measured = read_explanation_summary(runs.run_folder(run.id), list(stems.values()), target)
    if measured is None or (len(measured) and needed(measured)):
        raise HTTPException(404, f"run {run_id} was not measured for {target!r}; POST /runs/{run_id}/findings does it")
    known = {stems[image_id]: cells for image_id, cells in manual_labels(run.id).items() if image_id in stems}
    doubt = doubt_of(read_run(runs.run_folder(run.id) / next(iter(stems.values())) / "run.json"))
    return findings(with_truth(measured, known), target, doubt).as_json()
