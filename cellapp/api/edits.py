"""Edits of the cells of a run over HTTP, as the Segment page and `python -m cellapp edit` make them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body

from cellapp.editing.edit import edit_to_json, edits_from_json
from cellapp.editing.history import edits_in_force
from cellapp.jobs.edit_masks import edit_masks
from cellapp.jobs.follow_edits import request_follow
from cellapp.store.images import get_shown_image
from cellapp.store.mask_edits import list_edits
from cellapp.store.runs import get_shown_run

router = APIRouter(tags=["edits"])


@router.get("/runs/{run_id}/images/{image_id}/edits")
def edits_of(run_id: str, image_id: str) -> dict[str, Any]:
    """List the edits of an image of a run, undone ones and undos too; `number` of the last one is its version."""
    _require_shown(run_id, image_id)
    records = list_edits(run_id, image_id)
    in_force = {record.number for record in edits_in_force(records)}
    return {
        "number": records[-1].number if records else 0,
        "edits": [
            {
                **edit_to_json(record.edit),
                "number": record.number,
                **({"of": record.edit.number} if record.edit.number else {}),
                "changed": sorted(record.cells),
                "in_force": record.number in in_force,
                "who": record.who,
                "when": record.created.isoformat(),
                "sentence": record.sentence,
            }
            for record in records
        ],
    }


@router.post("/runs/{run_id}/images/{image_id}/edits", status_code=201)
def edit(
    run_id: str,
    image_id: str,
    edits: Annotated[
        list[dict[str, Any]],
        Body(description="Each with a kind, cells [id], points [[y, x]] in pixels, radius_px, number: all or none."),
    ],
    who: Annotated[str, Body(description="Undo takes back a person's own edits.", max_length=200)] = "",
    seen: Annotated[
        int | None, Body(description="Last edit that was seen; cells that others changed since are refused.")
    ] = None,
) -> dict[str, Any]:
    """Edit the cells of an image of a run; labels and measurements follow at once, classes and files by the job."""
    _require_shown(run_id, image_id)
    report = edit_masks(run_id, image_id, edits_from_json(edits), who=who, seen=seen)
    return {
        "number": report.number,
        "done": list(report.sentences),
        "changed": list(report.changed),
        "gone": list(report.gone),
        "job": request_follow(run_id, image_id).id,
    }


def _require_shown(run_id: str, image_id: str) -> None:
    """Answer 404 for a run or an image that is not there or in the bin."""
    get_shown_run(run_id)
    get_shown_image(image_id)
