"""Rows of the images table and the records made of them."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from cellapp.errors import StoreError
from cellapp.store.records import ImageRecord
from cellapp.store.schema import Image
from cellapp.types import ImageInfo, Role

_INFO = TypeAdapter(ImageInfo)


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
    return _INFO.dump_python(info, mode="json")


def info_from_json(kept: dict[str, Any]) -> ImageInfo:
    """Return the header that `info_to_json` was given; JSON knows neither tuples nor roles, this brings them back."""
    return _INFO.validate_python(kept)
