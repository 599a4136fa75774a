"""Why single cells got their calls, by example, over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from cellapp.jobs.cell_reasons import examples_of_cell, request_flip
from cellapp.store import images, runs

router = APIRouter()


@router.get("/runs/{run_id}/images/{image_id}/cells/{cell_id}/reasons")
def read_reasons(run_id: str, image_id: str, cell_id: int) -> dict[str, Any]:
    """Nearest training cells of a cell and the most similar cell of another class in the run, also as ``sentences``."""
    run, image = runs.get_shown_run(run_id), images.get_shown_image(image_id)
    found = examples_of_cell(run, image.id, cell_id)
    return found.as_json() | {"sentences": found.sentences}


@router.post("/runs/{run_id}/images/{image_id}/cells/{cell_id}/flip", status_code=202)
def search_flip(run_id: str, image_id: str, cell_id: int, target: str) -> dict[str, str]:
    """Queue the search for the smallest change of brightness that flips the call of a cell.

    The answer names the job: poll ``/jobs/{id}``, whose result has ``flips``, the smallest first, and ``sentence``.
    """
    run, image = runs.get_shown_run(run_id), images.get_shown_image(image_id)
    return {"job": request_flip(run, image.id, cell_id, target).id}
