"""The part of the HTTP API that pages show pictures from: thumbnails of images, and pictures of cells."""

from __future__ import annotations

from fastapi import APIRouter, Response

from cellapp.api.tiles import FOREVER, Pass
from cellapp.auth import tile_pass
from cellapp.errors import CellappError
from cellapp.store.open_image import lacks_pyramid, thumbnail_path
from cellapp.viewer.offered_pictures import offered

router = APIRouter()

PLACEHOLDER = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="112" height="112" viewBox="0 0 24 24" fill="none" '
    'stroke="#8A8A8A" stroke-width="1.2"><rect x="3" y="5" width="18" height="14" rx="2" stroke-dasharray="2.5 2"/>'
    '<path d="M6 16l4-4.5 3 3 2-2 3 3.5"/><circle cx="15.5" cy="9.5" r="1.2"/></svg>'
)
"""Shown until the smaller levels of a slide are made, and for an image that cannot be decoded."""


@router.get("/images/{image_id}/thumbnail")
def thumbnail(image_id: str, given_pass: Pass) -> Response:
    """Answer a small picture of an image; a placeholder while there is none."""
    record = tile_pass.visible_image(image_id, given_pass)
    try:
        picture = None if lacks_pyramid(record) else thumbnail_path(image_id).read_bytes()
    except CellappError:
        picture = None  # the page that opens the image says why
    if picture is None:
        return Response(PLACEHOLDER, media_type="image/svg+xml", headers={"Cache-Control": "no-store"})
    return Response(picture, media_type="image/png", headers=FOREVER)


@router.get("/pictures/{name}")
def picture(name: str) -> Response:
    """Answer a picture that a page of this server shows."""
    content, media_type = offered(name)
    return Response(content, media_type=media_type, headers=FOREVER)
