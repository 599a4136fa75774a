"""Images of a project: their records, and the names, channels, pixel sizes and conditions users give them.

Images are added by `cellapp.store.uploads` and opened by `cellapp.store.open_image`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select

from cellapp.errors import InputError, StoreError
from cellapp.files import clean_text
from cellapp.images.channel_files import check_same_size
from cellapp.images.channel_names import check_names
from cellapp.store.database import reading, writing
from cellapp.store.image_rows import image_record, image_row
from cellapp.store.open_image import open_slide
from cellapp.store.projects import remember_channels
from cellapp.store.records import CONDITIONS, ImageRecord
from cellapp.store.schema import Image, now
from cellapp.types.image import Role


def get_image(image_id: str) -> ImageRecord:
    """Return an image, removed ones too.

    Raises
    ------
    StoreError
        There is no such image.
    """
    with reading() as session:
        return image_record(image_row(session, image_id))


def get_shown_image(image_id: str) -> ImageRecord:
    """Return an image as visitors may see it. Raises StoreError for one in the bin, too."""
    record = get_image(image_id)
    if record.removed is not None:
        raise StoreError(f"image {image_id!r} was removed; bring it back on the Upload page")
    return record


def list_images(project_id: str, *, removed: bool = False) -> tuple[ImageRecord, ...]:
    """Return the images of a project, newest first; those of one file in the order of the file.

    Parameters
    ----------
    project_id : str
    removed : bool
        Return the ones in the bin instead.
    """
    in_bin = Image.removed.is_not(None) if removed else Image.removed.is_(None)
    query = select(Image).where(Image.project_id == project_id, in_bin).order_by(Image.created.desc(), Image.id)
    with reading() as session:
        records = [image_record(row) for row in session.scalars(query)]
    # Images of one file were added together: they stay in the order of the file.
    return tuple(sorted(records, key=lambda one: (-one.created.timestamp(), one.selection.scene, one.selection.time)))


def rename_image(image_id: str, name: str) -> ImageRecord:
    """Give an image another name."""
    if not name.strip():
        raise InputError("an image needs a name of at least one letter; got an empty one")
    return _change(image_id, name=clean_text(name))


def remove_image(image_id: str) -> ImageRecord:
    """Put an image into the bin: it leaves the lists, runs keep it, `restore_image` brings it back."""
    return _change(image_id, removed=now())


def restore_image(image_id: str) -> ImageRecord:
    """Take an image out of the bin."""
    return _change(image_id, removed=None)


def set_conditions(image_id: str, conditions: Mapping[str, str]) -> ImageRecord:
    """Set the conditions of a sample; keys left out stay as they are, empty values are removed.

    Raises
    ------
    InputError
        A key is not one of `CONDITIONS`.
    """
    unknown = sorted(set(conditions) - set(CONDITIONS))
    if unknown:
        raise InputError(f"no condition {unknown[0]!r}; choose one of: {', '.join(CONDITIONS)}")
    with writing() as session:
        row = image_row(session, image_id)
        merged = {**row.conditions, **{key: str(value).strip() for key, value in conditions.items()}}
        row.conditions = {key: merged[key] for key in CONDITIONS if merged.get(key)}
        return image_record(row)


def set_channels(image_id: str, names: Sequence[str], roles: Sequence[Role]) -> ImageRecord:
    """Set names and roles of the channels of an image; the project remembers them for its next images.

    Raises
    ------
    InputError
        Too few or many, empty, or repeated names.
    """
    before = get_image(image_id)
    checked = check_names(names, before.info.shape[0])
    if len(roles) != len(checked):
        raise InputError(f"{before.name!r} has {len(checked)} channels; got {len(roles)} roles")
    record = _change(image_id, channels=list(checked), roles=[Role(role).value for role in roles])
    remember_channels(before.project_id, checked, roles, file_names=before.info.channels)
    return record


def set_um_per_px(image_id: str, um_per_px: float | None) -> ImageRecord:
    """Set the pixel size in micrometres; None goes back to the file's."""
    if um_per_px is None:
        return _change(image_id, um_per_px=get_image(image_id).info.um_per_px)
    if not (math.isfinite(um_per_px) and um_per_px > 0):
        raise InputError(f"a pixel size is a number of micrometres above 0; got {um_per_px}")
    return _change(image_id, um_per_px=float(um_per_px))


def set_reference(image_id: str, reference_id: str | None) -> ImageRecord:
    """Set the image that is segmented in place of this one; crops and measurements still come from this one.

    Raises
    ------
    InputError
        The sizes differ, or the reference is the image itself or of another project.
    """
    if reference_id is not None:
        target, reference = get_image(image_id), get_image(reference_id)
        if reference_id == image_id or reference.project_id != target.project_id:
            raise InputError(f"the reference of {target.name!r} must be another image of the same project")
        check_same_size(open_slide(reference_id), open_slide(image_id))
    return _change(image_id, reference_id=reference_id)


def _change(image_id: str, **values: str | float | datetime | list[str] | None) -> ImageRecord:
    with writing() as session:
        row = image_row(session, image_id)
        for column, value in values.items():
            setattr(row, column, value)
        session.flush()
        return image_record(row)
