"""Treatments on plates over HTTP: the wells of a run compared by a layout, or by the table of its images."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, File, HTTPException, Query, UploadFile
from fastapi.responses import FileResponse

from cellapp.api.served_files import one_file
from cellapp.api.upload_route import received, upload_router
from cellapp.pipeline.screen_of_run import (
    FOLDER,
    KEY,
    ScreenRequest,
    drop_layout,
    keep_layout,
    require_layout,
    screen_run,
)
from cellapp.population.screen import ScreenSettings
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


@router.get("/runs/{run_id}/screen")
def screen(
    run_id: str,
    measure: Annotated[str | None, Query(description="A class, cells, or a column of cells.csv.")] = None,
    control: Annotated[str | None, Query(description="Treatment that is the negative control.")] = None,
    positive_control: Annotated[str | None, Query(description="Treatment that is the positive control.")] = None,
    alpha: Annotated[float, Query(description="A hit has an adjusted p-value of this or less.")] = 0.05,
    least_effect: Annotated[float, Query(description="A hit differs by this much or more.")] = 0.0,
    min_cells: Annotated[int, Query(description="A well with fewer cells has no value.")] = 20,
) -> dict[str, Any]:
    """Compare the treatments of a run with the negative controls of their plates, as `python -m cellapp screen` does.

    ``key`` of the answer names the files: ``GET /runs/{id}/screen/{key}/files/effects.csv``.
    """
    run = get_shown_run(run_id)
    chosen = {"measure": measure, "alpha": alpha, "least_effect": least_effect, "min_cells": min_cells}
    request = ScreenRequest(validated(ScreenSettings, chosen), control, positive_control)
    folder = run_folder(run.id)
    _, tree, written = screen_run(folder, require_layout(run, folder, list_images(run.project_id)), request)
    return {"key": written.name, **tree}


@router.get("/runs/{run_id}/screen/{key}/files/{name}")
def read_screen(run_id: str, key: str, name: str) -> FileResponse:
    """One file of a screen: wells.csv, effects.csv, dose_response.csv, screen.json or screen.html."""
    folder = run_folder(get_shown_run(run_id).id) / FOLDER / key
    if not KEY.fullmatch(key) or not folder.is_dir():
        raise HTTPException(404, f"run {run_id} has no screen {key!r}; GET /runs/{run_id}/screen makes one")
    return one_file(folder, name)
