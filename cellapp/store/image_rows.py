"""Rows of the images table, and the records callers get of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellapp.errors import StoreError
from cellapp.images.channels import assign_channels, stored_roles
from cellapp.store.database import reading, writing
from cellapp.store.image_headers import info_from_json, info_to_json, renewed
from cellapp.store.projects import project_row
from cellapp.store.records import ImageRecord
from cellapp.store.schema import Image, Project, now
from cellapp.types.image import ImageInfo, Role, Selection


def image_row(session: Session, image_id: str) -> Image:
    """Return the row of an image inside a session; raises StoreError when there is none."""
    row = session.get(Image, image_id)
    if row is None:
        raise StoreError(f"no image {image_id!r}; it may have been deleted, choose another one")
    return row


def image_record(row: Image) -> ImageRecord:
    """Return the frozen record of a row."""
    info = info_from_json(row.info)
    return ImageRecord(
        id=row.id,
        project_id=row.project_id,
        name=row.name,
        digest=row.digest,
        info=info,
        channels=tuple(row.channels),
        roles=stored_roles(info, row.roles),
        um_per_px=row.um_per_px,
        created=row.created,
        conditions=dict(row.conditions),
        reference_id=row.reference_id,
        parts=tuple(row.parts),
        removed=row.removed,
        **_sources(row),
    )


def insert_image(
    project_id: str,
    digest: str,
    name: str,
    info: ImageInfo,
    *,
    file_digest: str | None = None,
    parts: Sequence[tuple[str, Selection]] = (),
    n_columns: int = 0,
    created: datetime | None = None,
) -> tuple[ImageRecord, bool]:
    """Add an image whose bytes are stored, unless the project has the same one already.

    Parameters
    ----------
    project_id : str
    digest : str
        Of the image, see `cellapp.images.read.selected_digest`.
    name : str
    info : ImageInfo
        What the header says; its `selection` says which image of the file this is.
    file_digest : str, optional
        Of its file where that differs from `digest`.
    parts : sequence of (str, Selection)
        Digests and selections of the files of an image that is put together from several.
    n_columns : int
        Tiles in a row, where `parts` are tiles; 0 where they are channels.
    created : datetime, optional
        With zone; now when left out. Images that are added together share it, so that lists keep the file's order.

    Returns
    -------
    ImageRecord
        The new one, or the one that was there, out of the bin if need be.
    bool
        Whether it was there, and not in the bin.
    """
    try:
        with writing() as session:
            if row := _same_image(session, project_id, digest):
                existed, row.removed = row.removed is None, None
                return image_record(_renewed(row, info)), existed
            row = _new_row(project_row(session, project_id), info, digest, name)
            row.file_digest, row.created = file_digest, created or now()
            row.parts = [digest for digest, _ in parts]
            row.selection = asdict(info.selection)
            if parts:
                row.selection = {"parts": [asdict(one) for _, one in parts]}
                row.selection |= {"n_columns": n_columns} if n_columns else {}
            session.add(row)
            session.flush()
            return image_record(row), False
    except IntegrityError:  # another process added the same bytes between our query and our insert
        with reading() as session:
            if row := _same_image(session, project_id, digest):
                return image_record(row), True
        raise


def present(project_id: str, digests: Iterable[str]) -> dict[str, ImageRecord]:
    """Return the images of a project that have one of these digests, without those in the bin, by digest."""
    wanted = set(digests)
    with reading() as session:
        rows = session.scalars(select(Image).where(Image.project_id == project_id, Image.removed.is_(None)))
        return {row.digest: image_record(row) for row in rows if row.digest in wanted}


def _new_row(project: Project, info: ImageInfo, digest: str, name: str) -> Image:
    channels, roles = _channels(project, info)
    return Image(
        project_id=project.id,
        name=name,
        digest=digest,
        info=info_to_json(info),
        channels=list(channels),
        roles=[role.value for role in roles],
        um_per_px=info.um_per_px,
        conditions={"time": info.time} if info.time else {},
    )


def _sources(row: Image) -> dict[str, Any]:
    """Return the fields of a record that say which stored files a row is read from; rows of 0.1.0 have none of them."""
    if not row.parts:
        return {"file_digest": row.file_digest or row.digest, "selection": Selection(**row.selection)}
    stored = row.selection.get("parts") or [{} for _ in row.parts]
    selections = tuple(Selection(**one) for one in stored)
    return {"part_selections": selections, "n_columns": row.selection.get("n_columns", 0)}


def _channels(project: Project, info: ImageInfo) -> tuple[Sequence[str], Sequence[Role]]:
    """Return names and roles as the project remembers them, guessed where it does not."""
    names, roles = assign_channels(info, {})
    choices = [project.channels.get(channel) for channel in info.channels]
    named = [choice[0] if choice else name for choice, name in zip(choices, names, strict=True)]
    if len(set(named)) < len(named):  # names remembered from two files with other channels clash here
        return names, roles
    return named, [Role(choice[1]) if choice else role for choice, role in zip(choices, roles, strict=True)]


def _renewed(row: Image, info: ImageInfo) -> Image:
    """Bring the row of an image to what its file is read as now, which it may not have been when it was added."""
    columns = {column.name: getattr(row, column.name) for column in Image.__table__.columns}
    for column, value in renewed(columns, info).items():
        setattr(row, column, value)
    return row


def _same_image(session: Session, project_id: str, digest: str) -> Image | None:
    return session.scalar(select(Image).where(Image.project_id == project_id, Image.digest == digest))
