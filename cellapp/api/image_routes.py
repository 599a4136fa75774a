"""Images over HTTP: upload a file or a zip, put files together, pair an image with the one to segment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, File, Query, UploadFile

from cellapp.api.upload_route import chunks, upload_router
from cellapp.images.channels import unknown_roles
from cellapp.images.choice import parse_number
from cellapp.store import images, joined_images, projects, uploads
from cellapp.store.records import ImageRecord

router = APIRouter()
file_router = upload_router()


@file_router.post("/images", status_code=201)
def add_image(
    file: Annotated[UploadFile, File()],
    project: Annotated[str | None, Query()] = None,
    scene: Annotated[str, Query(description='Number from 1, or "all".')] = "all",
    time: Annotated[str, Query(description='Number of the time point from 1, or "all".')] = "all",
    depth: Annotated[str | None, Query(description="max, mean, sharpest, or the number of one plane from 1.")] = None,
) -> dict[str, Any]:
    """Stream a file into a project (the default one when left out); answers its first image, and all under ``images``.

    A file with several scenes or time points gives one image for each that is chosen. Without `depth` the project's
    rule holds. Of a zip every image file is added, and ``problems`` says of which members no image could be.
    """
    outcomes = uploads.add_every(
        project or projects.default_project().id,
        chunks(file),
        file.filename or "image",
        scene=parse_number(scene, "scene"),
        time=parse_number(time, "time point"),
        depth=depth,
    )
    records = [outcome.image for outcome in outcomes if outcome.image is not None]
    same = [
        f"{one.name!r} has the bytes of {one.image.name!r} and is the same image" for one in outcomes if one.existed
    ]
    problems = [{"name": one.name, "problem": one.problem} for one in outcomes if one.problem is not None]
    return {
        **_image(records[0]),
        "images": [_image(record) for record in records],
        "problems": problems,
        "notes": [*same, *_notes(records)],
    }


@router.get("/images")
def list_images(project: Annotated[str | None, Query()] = None) -> list[dict[str, Any]]:
    """Images of a project."""
    return [_image(record) for record in images.list_images(project or projects.default_project().id)]


@router.post("/images/combine", status_code=201)
def combine_images(
    image_ids: Annotated[list[str], Body(description="Ids of images of one channel each, in the order of channels.")],
    names: Annotated[list[str], Body(description="Names of the channels.")],
    name: Annotated[str | None, Body(description="Of the new image; the first one's when left out.")] = None,
) -> dict[str, Any]:
    """Make one image of several that hold one channel each; those leave the list of images."""
    record = joined_images.combine_images(_project_of(image_ids), image_ids, names, name=name)
    return {**_image(record), "notes": _notes([record])}


@router.post("/images/join-tiles", status_code=201)
def join_tiles(
    image_ids: Annotated[list[str], Body(description="Ids of the tiles, row by row.")],
    n_columns: Annotated[int, Body(ge=1, description="Tiles in a row.")],
    name: Annotated[str | None, Body(description="Of the new image; the first one's when left out.")] = None,
) -> dict[str, Any]:
    """Make one image of the tiles of a grid, edge to edge; those leave the list of images."""
    record = joined_images.join_tile_images(_project_of(image_ids), image_ids, n_columns, name=name)
    return {**_image(record), "notes": _notes([record])}


@router.post("/images/{image_id}/reference")
@router.put("/images/{image_id}/reference")
def set_reference(
    image_id: str,
    reference: Annotated[str | None, Body(embed=True, description="Id of an image of the same size; null for none.")],
) -> dict[str, Any]:
    """Have runs find the cells of an image on another one; they are measured, cut and classified on this one."""
    images.get_shown_image(image_id)
    return _image(images.set_reference(image_id, reference))


def _project_of(image_ids: Sequence[str]) -> str:
    return images.get_image(image_ids[0]).project_id if image_ids else projects.default_project().id


def _notes(records: Sequence[ImageRecord]) -> list[str]:
    notes = dict.fromkeys(note for record in records for note in record.info.notes)
    notes |= dict.fromkeys(filter(None, (unknown_roles(record.channels, record.roles) for record in records)))
    return list(notes)


def _image(record: ImageRecord) -> dict[str, Any]:
    info = record.info
    return {
        "id": record.id,
        "name": record.name,
        "file": info.name,
        "scene": info.scene,
        "time": info.time,
        "depth": info.selection.depth if info.n_planes > 1 else None,
        "sha256": record.digest,
        "shape": info.shape,
        "dtype": info.dtype,
        "channels": record.channels,
        "roles": record.roles,
        "um_per_px": record.um_per_px,
        "reference": record.reference_id,
    }
