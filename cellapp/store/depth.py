"""How a project reduces several planes of depth to one: for new images and, when that changes, for those it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import select

from cellapp.store.database import writing
from cellapp.store.image_rows import image_record, image_row, insert_image
from cellapp.store.images import list_images
from cellapp.store.open_image import open_files
from cellapp.store.projects import project_row
from cellapp.store.records import ImageRecord
from cellapp.store.schema import Image, now
from cellapp.types.image import Selection, Slide


def set_depth(project_id: str, depth: str) -> tuple[ImageRecord, ...]:
    """Change the rule for depth of a project; images of several planes are replaced by new ones.

    The earlier ones go to the bin, and runs keep them: what was measured under one rule is never shown for another.

    Parameters
    ----------
    project_id : str
    depth : str
        "max", "mean", "sharpest", or the number of one plane from 1.

    Returns
    -------
    tuple of ImageRecord
        The new ones, with the names, channels, pixel sizes and conditions of those they replace.

    Raises
    ------
    InputError
        No such rule, or an image that has no such plane; nothing is changed then.
    """
    rule = Selection(depth=depth).depth
    stale = [record for record in list_images(project_id) if record.info.n_planes > 1 and _rules(record) != {rule}]
    fresh = [_with_rule(record, rule) for record in stale]  # before anything is written: a plane may be missing
    with writing() as session:
        project_row(session, project_id).depth = rule
    moved = {old.id: _replace(old, new, slide) for old, (new, slide) in zip(stale, fresh, strict=True)}
    return _point_to(project_id, moved)


def _rules(record: ImageRecord) -> set[str]:
    return {selection.depth for _, selection in record.sources}


def _with_rule(record: ImageRecord, rule: str) -> tuple[ImageRecord, Slide]:
    changed = replace(
        record,
        selection=replace(record.selection, depth=rule),
        part_selections=tuple(replace(one, depth=rule) for one in record.part_selections),
    )
    return changed, open_files(changed)


def _replace(old: ImageRecord, new: ImageRecord, slide: Slide) -> str:
    """Put the old image into the bin, and in its place one that differs from it in depth alone; return the new id."""
    info = replace(slide.info, name=old.info.name)
    of_files = {"parts": new.sources, "n_columns": new.n_columns} if new.parts else {"file_digest": new.file_digest}
    record, _ = insert_image(old.project_id, slide.digest, old.name, info, created=old.created, **of_files)
    with writing() as session:
        row = image_row(session, record.id)
        row.name, row.channels, row.roles = old.name, list(old.channels), [role.value for role in old.roles]
        row.um_per_px, row.conditions, row.reference_id = old.um_per_px, dict(old.conditions), old.reference_id
        image_row(session, old.id).removed = now()
    return record.id


def _point_to(project_id: str, moved: Mapping[str, str]) -> tuple[ImageRecord, ...]:
    """Have images that were segmented on an old one segmented on the new one, and return the new ones."""
    with writing() as session:
        for row in session.scalars(select(Image).where(Image.project_id == project_id, Image.removed.is_(None))):
            row.reference_id = moved.get(row.reference_id, row.reference_id)
        session.flush()
        return tuple(image_record(image_row(session, new_id)) for new_id in moved.values())
