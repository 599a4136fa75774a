"""Treatments on plates over HTTP: the wells of a run compared by a layout, or by the table of its images."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, HTTPException, Query, Response, UploadFile

from cellapp.api.upload_route import received, upload_router
from cellapp.exports.screen import FILES, screen_file
from cellapp.pipeline.screen_of_run import ScreenRequest, drop_layout, keep_layout, require_layout, screen_run
from cellapp.population.screen import Screen, ScreenSettings
from cellapp.settings_io import validated
from cellapp.store.images import list_images
from cellapp.store.runs import get_shown_run, run_folder

router = APIRouter(tags=["screen"])
file_router = upload_router(tags=["screen"])


@file_router.put("/runs/{run_id}/layout")
def put_layout(run_id: str, file: Annotated[UploadFile, File()]) -> dict[str, Any]:
    """Keep a layout with a run: a table with treatment and well or image, and plate, dose, unit, control."""
    run = get_shown_run(run_id)
    with received([file], "layout.csv") as (path,):
        lines = keep_layout(run_folder(run.id), path.read_bytes())
    return {"n_wells": len(lines), "treatments": list(dict.fromkeys(one.treatment for one in lines))}


@router.delete("/runs/{run_id}/layout")
def delete_layout(run_id: str) -> dict[str, str]:
    """Take the layout of a run away; the table of images says what was done to them."""
    drop_layout(run_folder(get_shown_run(run_id).id))
    return {"layout": ""}


def _request(
    measure: Annotated[str | None, Query(description="A class, cells, or a column of cells.csv.")] = None,
    control: Annotated[str | None, Query(description="Treatment that is the negative control.")] = None,
    positive_control: Annotated[str | None, Query(description="Treatment that is the positive control.")] = None,
    alpha: Annotated[float, Query(description="A hit has an adjusted p-value of this or less.")] = 0.05,
    least_effect: Annotated[float, Query(description="A hit differs by this much or more.")] = 0.0,
    min_cells: Annotated[int, Query(description="A well with fewer cells has no value.")] = 20,
) -> ScreenRequest:
    chosen = {"measure": measure, "alpha": alpha, "least_effect": least_effect, "min_cells": min_cells}
    return ScreenRequest(validated(ScreenSettings, chosen), control, positive_control)


Asked = Annotated[ScreenRequest, Depends(_request)]


@router.get("/runs/{run_id}/screen")
def screen(run_id: str, request: Asked) -> dict[str, Any]:
    """Compare the treatments of a run with the negative controls of their plates, as `python -m cellapp screen` does.

    ``GET /runs/{id}/screen/effects.csv`` with the same query gives a file of it.
    """
    return _screened(run_id, request)[1]


@router.get("/runs/{run_id}/screen/{name}")
def read_screen(run_id: str, name: str, request: Asked) -> Response:
    """One file of a screen: wells.csv, effects.csv, dose_response.csv, screen.json or screen.html."""
    get_shown_run(run_id)
    if name not in FILES:
        raise HTTPException(404, f"there is no file {name!r}; there are {', '.join(FILES)}")
    kind = {"csv": "text/csv", "json": "application/json", "html": "text/html"}[name.rpartition(".")[2]]
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(screen_file(*_screened(run_id, request), name), media_type=kind, headers=headers)


def _screened(run_id: str, request: ScreenRequest) -> tuple[Screen, dict[str, Any]]:
    run = get_shown_run(run_id)
    folder = run_folder(run.id)
    return screen_run(folder, require_layout(run, folder, list_images(run.project_id)), request)
