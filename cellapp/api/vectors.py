"""Vectors and classes of runs over HTTP: making vectors, calling cells by another head, choosing among its classes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body

from cellapp.errors import InputError
from cellapp.exports.class_versions import read_versions
from cellapp.jobs import queue, worker_process
from cellapp.jobs.rescore import choose_classes, request_rescore
from cellapp.pipeline.populations import populations
from cellapp.settings import VectorSettings
from cellapp.store import projects, runs
from cellapp.store.named_models import require_named, require_named_models

router = APIRouter()


@router.put("/projects/{project_id}/vectors")
def set_vectors(project_id: str, vectors: VectorSettings) -> VectorSettings:
    """Say how the cells of a project become vectors from now on."""
    require_named_models(project_id, vectors)
    projects.set_project_vectors(project_id, vectors)
    return projects.project_vectors(project_id)


@router.post("/runs/{run_id}/vectors", status_code=202)
def make_vectors(run_id: str, head: Annotated[str | None, Body(embed=True)] = None) -> dict[str, str]:
    """Queue the making of a run's vectors: those that `head` reads, or the project's; what is there is not made again.

    The answer names the job: poll ``/jobs/{id}``.
    """
    run = runs.get_shown_run(run_id)
    require_named(run.project_id, "head", head)
    job = queue.submit("vectors", {"run_id": run.id, "head": head}, run.project_id)
    worker_process.ensure_worker()
    return {"job": job.id}


@router.get("/runs/{run_id}/classes")
def list_classes(run_id: str) -> dict[str, Any]:
    """Versions of a run's classes, oldest first, and which one is active; none where it was called once only."""
    run = runs.get_shown_run(run_id)
    known = read_versions(runs.run_folder(run.id))
    shown = ("id", "head", "created")
    versions = [
        {name: getattr(one, name) for name in shown} | {"settings": one.settings.model_dump(mode="json")}
        for one in known.versions
    ]
    return {"active": known.active_id, "versions": versions}


@router.post("/runs/{run_id}/classes", status_code=202)
def call_again(
    run_id: str,
    head: Annotated[str | None, Body()] = None,
    version: Annotated[str | None, Body()] = None,
    threshold: Annotated[float | None, Body()] = None,
    unsure_margin: Annotated[float | None, Body()] = None,
) -> dict[str, str]:
    """Call a run's cells by another head, from their vectors, or take a version that is there; the files follow.

    The answer names the job: poll ``/jobs/{id}``.
    """
    if (head is None) == (version is None):
        raise InputError("give either a head or a version of GET /runs/{id}/classes")
    runs.get_shown_run(run_id)
    if head is None:
        return {"job": choose_classes(run_id, str(version)).id}
    return {"job": request_rescore(run_id, head, threshold=threshold, unsure_margin=unsure_margin).id}


@router.get("/runs/{run_id}/populations")
def count_populations(run_id: str, condition: str | None = None) -> dict[str, Any]:
    """Fractions of classes per image, per value of a condition and in all images, with the head's errors in mind."""
    return populations(runs.get_shown_run(run_id).id, condition)


@router.get("/jobs/{job_id}")
def show_job(job_id: str) -> dict[str, Any]:
    """State of a job, and its result or its error in one sentence."""
    job = queue.get_job(job_id)
    shown = ("id", "kind", "status", "step", "fraction", "seconds_left", "result", "error")
    return {name: getattr(job, name) for name in shown}
