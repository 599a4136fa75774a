"""Groups without labels over HTTP: looking for them in a run, and reading what was found."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from fastapi.responses import FileResponse

from cellapp.api.served_files import one_file
from cellapp.discovery.discover import DiscoverSettings
from cellapp.jobs.discover import DiscoverRequest, discovery_folder, list_discoveries, read_indices, request_discovery
from cellapp.settings_io import validated
from cellapp.store import runs
from cellapp.training.vae.recipe import VaeRecipe

router = APIRouter()
_SETTINGS, _VAE = DiscoverSettings(), VaeRecipe()


@router.post("/runs/{run_id}/discover", status_code=202)
def discover(
    run_id: str,
    of: Annotated[str, Body()] = "vectors",
    settings: Annotated[DiscoverSettings, Body()] = _SETTINGS,
    vae: Annotated[VaeRecipe, Body()] = _VAE,
    condition: Annotated[str | None, Body()] = None,
) -> dict[str, str]:
    """Queue a search for groups among a run's cells, in its vectors, its measurements or an autoencoder of them.

    The answer names the job, and the key under which the result will be: poll ``/jobs/{id}``.
    """
    run = runs.get_shown_run(run_id)
    values = {"run_id": run.id, "of": of, "settings": settings, "vae": vae, "condition": condition}
    request = validated(DiscoverRequest, values)
    return {"job": request_discovery(request).id, "key": request.key}


@router.get("/runs/{run_id}/discover")
def list_found(run_id: str) -> list[dict[str, Any]]:
    """List the searches of a run whose results are there, newest first: key, what was asked, how many groups, why."""
    runs.get_shown_run(run_id)
    found = []
    for request in list_discoveries(run_id):
        indices = read_indices(discovery_folder(request))
        shown = {name: indices[name] for name in ("k", "reason", "n_cells", "n_outliers", "stability", "columns")}
        found.append({"key": request.key, "request": request.model_dump(mode="json"), **shown})
    return found


@router.get("/runs/{run_id}/discover/{key}/files/{name}")
def read_found(run_id: str, key: str, name: str) -> FileResponse:
    """One file of a search: clusters.csv, indices.json, tables.csv, typical.csv or map.html."""
    runs.get_shown_run(run_id)
    folder = next((discovery_folder(one) for one in list_discoveries(run_id) if one.key == key), None)
    if folder is None:
        raise HTTPException(404, f"run {run_id} has no search {key!r}; GET /runs/{run_id}/discover lists them")
    return one_file(folder, name)
