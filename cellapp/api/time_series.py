"""Time series of a project over HTTP: growth curves, learning cell lines, naming new sequences."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from fastapi.responses import FileResponse

from cellapp.api.served_files import one_file
from cellapp.jobs.project_series import (
    GROWTH,
    LINES,
    NAME_LINES,
    PREDICTED,
    LinesRequest,
    SeriesRequest,
    growth_folder,
    lines_folder,
    list_lines,
    project_series,
    read_metrics,
    request_series,
)
from cellapp.settings import DEFAULT_ENCODER
from cellapp.settings_io import validated
from cellapp.store import images, projects
from cellapp.training.lines.recipe import LineRecipe

router = APIRouter()
_Pattern = Annotated[str, Body()]
_Hours = Annotated[float, Body()]
_Names = Annotated[tuple[str, ...], Body()]
_RECIPE = LineRecipe()


@router.get("/projects/{project_id}/sequences")
def list_sequences(project_id: str, pattern: str = "", every_h: float = 1.0) -> dict[str, Any]:
    """Sequences of a project's images, and why images are in none."""
    series = project_series(
        images.list_images(projects.get_project(project_id).id), _request(project_id, pattern, every_h)
    )
    shown = [
        {"name": one.name, "line": one.line, "treatment": one.treatment, "batch": one.batch, "place": one.place}
        | {"image_ids": list(one.keys), "times_h": list(one.times_h)}
        for one in series.sequences
    ]
    return {"sequences": shown, "problems": list(series.problems)}


@router.post("/projects/{project_id}/growth", status_code=202)
def measure_growth(
    project_id: str,
    pattern: _Pattern = "",
    every_h: _Hours = 1.0,
    left_out: _Names = (),
) -> dict[str, str]:
    """Queue growth curves of covered area, and of cells where runs have counted them; poll ``/jobs/{id}``."""
    return {"job": request_series(GROWTH, _request(project_id, pattern, every_h, left_out)).id}


@router.get("/projects/{project_id}/growth/{name}")
def read_growth(project_id: str, name: str) -> FileResponse:
    """One file of the growth curves: growth.csv, doubling.csv, doubling_by_condition.csv, growth.html or growth.svg."""
    return one_file(growth_folder(projects.get_project(project_id).id), name)


@router.post("/projects/{project_id}/lines", status_code=202)
def learn_lines(
    project_id: str,
    pattern: _Pattern = "",
    every_h: _Hours = 1.0,
    left_out: _Names = (),
    encoder: Annotated[str, Body()] = DEFAULT_ENCODER,
    recipe: Annotated[LineRecipe, Body()] = _RECIPE,
) -> dict[str, str]:
    """Queue the learning of cell lines; the answer names the job, and the key under which the result will be."""
    asked = _request(project_id, pattern, every_h, left_out).model_dump() | {"encoder": encoder, "recipe": recipe}
    request = validated(LinesRequest, asked)
    return {"job": request_series(LINES, request).id, "key": request.key}


@router.get("/projects/{project_id}/lines")
def list_networks(project_id: str) -> list[dict[str, Any]]:
    """Networks of a project, newest first: key, what was asked, and the scores on batches held out and mixed."""
    project_id = projects.get_project(project_id).id
    return [
        {"key": one.key, "request": one.model_dump(mode="json")} | read_metrics(lines_folder(project_id, one.key))
        for one in list_lines(project_id)
    ]


@router.post("/projects/{project_id}/lines/{key}/predict", status_code=202)
def name_sequences(project_id: str, key: str, pattern: _Pattern = "", every_h: _Hours = 1.0) -> dict[str, str]:
    """Queue the naming of the sequences that have no line, by a network of the project; poll ``/jobs/{id}``."""
    request = _request(project_id, pattern, every_h)
    lines_folder(request.project_id, key)
    return {"job": request_series(NAME_LINES, request, key=key).id}


@router.get("/projects/{project_id}/lines/{key}/files/{name}")
def read_line_file(project_id: str, key: str, name: str) -> FileResponse:
    """One file of a network: metrics.json, held_out.csv, attention.csv, ..., or predictions.csv of new sequences."""
    folder = lines_folder(projects.get_project(project_id).id, key)
    return one_file(folder / PREDICTED if name == "predictions.csv" else folder, name)


def _request(project_id: str, pattern: str, every_h: float, left_out: tuple[str, ...] = ()) -> SeriesRequest:
    """Return what is asked of a project that is there."""
    values = {"project_id": projects.get_project(project_id).id, "pattern": pattern, "every_h": every_h}
    return validated(SeriesRequest, values | {"left_out": left_out})
