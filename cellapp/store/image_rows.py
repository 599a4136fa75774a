"""Rows of the images table and the records made of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from cellapp.errors import StoreError
from cellapp.store.records import ImageRecord
from cellapp.store.schema import Image
from cellapp.types import ImageInfo, Role


def image_row(session: Session, image_id: str) -> Image:
    """Return the row of an image inside a session; raises StoreError when there is none."""
    row = session.get(Image, image_id)
    if row is None:
        raise StoreError(f"no image {image_id!r}; it may have been deleted, choose another one")
    return row


def image_record(row: Image) -> ImageRecord:
    """Return what callers get to see of a row."""
    return ImageRecord(
        id=row.id,
        project_id=row.project_id,
        name=row.name,
        digest=row.digest,
        info=info_from_json(row.info),
        channels=tuple(row.channels),
        roles=tuple(Role(role) for role in row.roles),
        um_per_px=row.um_per_px,
        created=row.created,
        conditions=dict(row.conditions),
        reference_id=row.reference_id,
        parts=tuple(row.parts),
        removed=row.removed,
    )


def info_to_json(info: ImageInfo) -> dict[str, Any]:
    """Return a header as plain JSON values."""
    return asdict(info)


def info_from_json(kept: dict[str, Any]) -> ImageInfo:
    """Return the header that `info_to_json` was given: JSON knows no tuples."""
    channels, height, width = kept["shape"]
    levels = tuple((int(y), int(x)) for y, x in kept["levels"])
    fields = {"shape": (channels, height, width), "channels": tuple(kept["channels"]), "levels": levels}
    return ImageInfo(**{**kept, **fields})
