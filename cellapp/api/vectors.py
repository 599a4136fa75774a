"""Vectors over HTTP: how a project makes them, and the job that makes those of a run."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body

from cellapp.jobs import queue, worker_process
from cellapp.settings import VectorSettings
from cellapp.store import projects, runs

router = APIRouter()


@router.put("/projects/{project_id}/vectors")
def set_vectors(project_id: str, vectors: VectorSettings) -> VectorSettings:
    """Say how the cells of a project become vectors from now on."""
    projects.set_project_vectors(project_id, vectors)
    return projects.project_vectors(project_id)


@router.post("/runs/{run_id}/vectors", status_code=202)
def make_vectors(run_id: str, head: Annotated[str | None, Body(embed=True)] = None) -> dict[str, str]:
    """Queue the making of a run's vectors: those that `head` reads, or the project's; what is there is not made again.

    The answer names the job: poll ``/jobs/{id}``.
    """
    run = runs.get_run(run_id)
    job = queue.submit("vectors", {"run_id": run.id, "head": head}, run.project_id)
    worker_process.ensure_worker()
    return {"job": job.id}


@router.get("/jobs/{job_id}")
def show_job(job_id: str) -> dict[str, Any]:
    """State of a job, and its result or its error in one sentence."""
    job = queue.get_job(job_id)
    shown = ("id", "kind", "status", "step", "fraction", "seconds_left", "result", "error")
    return {name: getattr(job, name) for name in shown}
