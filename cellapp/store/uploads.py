"""Add images to a project: from a stream, a file, a zip, or one file per channel.

A file of several images is kept until some are chosen, see `cellapp.store.pending`. The header is checked before
anything is stored; a bad file leaves no row and no file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from cellapp.config import app_settings
from cellapp.errors import InputError
from cellapp.files import clean_name, is_litter
from cellapp.images.archive import extract_images
from cellapp.images.channel_files import combine
from cellapp.images.choice import choose
from cellapp.images.limits import check_budget
from cellapp.images.probe import admit_all
from cellapp.images.read import selected_digest
from cellapp.store.blobs import StagedFile, home_folder, keep, staged
from cellapp.store.database import reading, writing
from cellapp.store.image_rows import image_record, image_row, insert_image, present
from cellapp.store.open_image import open_slide
from cellapp.store.pending import add_pending
from cellapp.store.projects import get_project
from cellapp.store.records import ImageRecord, UploadOutcome
from cellapp.store.schema import now
from cellapp.types.image import ImageInfo

_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")  # a zip with members, an empty one


def add_image(project_id: str, source: Path | Iterable[bytes], name: str) -> ImageRecord:
    """Add the first image of a file to a project; the same again gives the one there is, out of the bin if need be.

    Parameters
    ----------
    project_id : str
    source : Path or iterable of bytes
        A file, an OME-Zarr folder, or chunks as they arrive.
    name : str
        What the user calls it; it is never used as a path.

    Raises
    ------
    InputError
        The bytes are no image that can be read, or larger than the budget (`BudgetError`).
    """
    return add_images(project_id, source, name, scene=0, time=0)[0]


def add_images(
    project_id: str,
    source: Path | Iterable[bytes],
    name: str,
    *,
    scene: int | None = None,
    time: int | None = None,
    depth: str | None = None,
) -> tuple[ImageRecord, ...]:
    """Add images of a file to a project, without asking which.

    Parameters
    ----------
    project_id, source, name
        See `add_image`.
    scene, time : int, optional
        From 0; every one when left out.
    depth : str, optional
        Rule for several planes of depth, see `cellapp.types.image.Selection`; the project's when left out.

    Returns
    -------
    tuple of ImageRecord
        In the order of the file.

    Raises
    ------
    InputError
        As `add_image`, and when there is no such image or plane.
    """
    rule = depth or get_project(project_id).depth  # an unknown project is refused before gigabytes are copied
    with staged(source, app_settings().budget) as arrived:
        listed = admit_all(arrived.path, clean_name(name), app_settings().budget, rule)
        chosen = choose(listed, scene, time)
        keep(arrived)
    together = now()
    return tuple(_insert(project_id, arrived.digest, info, together)[0] for info in chosen)


def add_upload(project_id: str, source: Path | Iterable[bytes], name: str) -> tuple[UploadOutcome, ...]:
    """Add an uploaded file: an image, a file of several images, or a zip of them, distinguished by content.

    Returns
    -------
    tuple of UploadOutcome
        One per image, good or bad; a bad one never stops the others. One for a file of several images, which waits to
        be chosen from, unless all of them are in the project. Empty for what an operating system or editor
        leaves beside images (``._a.tif``, ``Thumbs.db``), unless it is an image by its content.
    """
    get_project(project_id)
    shown = clean_name(name)
    try:
        with staged(source, app_settings().budget) as arrived:
            if arrived.path.is_file() and _starts_like_zip(arrived.path):
                return add_zip(project_id, arrived.path, shown)
            return _outcomes(project_id, arrived, shown)
    except InputError as error:
        return () if is_litter(shown) else (UploadOutcome(shown, problem=str(error)),)


def add_zip(project_id: str, path: Path, name: str | None = None) -> tuple[UploadOutcome, ...]:
    """Add every image of a zip.

    Parameters
    ----------
    project_id : str
    path : Path
    name : str, optional
        What the user calls the zip, for the messages; the file's name when left out.

    Returns
    -------
    tuple of UploadOutcome
        One per member: a problem for those that are no image, none for litter. A single problem when the zip itself is
        refused or empty.
    """
    shown = clean_name(name or path.name)
    with tempfile.TemporaryDirectory(dir=home_folder("files", "incoming")) as folder:
        skipped: list[str] = []
        try:
            members = extract_images(path, Path(folder), app_settings().budget, skipped.append)
        except InputError as error:
            return (UploadOutcome(shown, problem=str(error)),)
        outcomes = [outcome for member in members for outcome in add_upload(project_id, member, member.name)]
    outcomes += [_left_out(member) for member in skipped if not is_litter(member)]
    return tuple(outcomes) or (UploadOutcome(shown, problem=f"{shown!r} has no image in it; put images into the zip"),)


def combine_images(
    project_id: str, image_ids: Sequence[str], names: Sequence[str], *, name: str | None = None
) -> ImageRecord:
    """Make one image of several that hold one channel each; the parts go to the bin, from which they can come back.

    Parameters
    ----------
    project_id : str
    image_ids : sequence of str
        In the order of the channels.
    names : sequence of str
        Names of the channels.
    name : str, optional
        Name of the new image; the first part's when left out.

    Raises
    ------
    InputError
        Sizes differ, names repeat, or a part has several channels.
    """
    if len(image_ids) < 2:
        raise InputError(f"combining takes at least two images, one per channel; got {len(image_ids)}")
    slide = combine([open_slide(image_id) for image_id in image_ids], names)
    check_budget(slide.info, app_settings().budget)
    with reading() as session:
        records = [image_record(image_row(session, image_id)) for image_id in image_ids]
    parts = [source for record in records for source in record.sources]
    shown = clean_name(name or records[0].name)
    record, _ = insert_image(project_id, slide.digest, shown, slide.info, parts=parts)
    with writing() as session:
        for image_id in image_ids:
            image_row(session, image_id).removed = now()
    return record


def _outcomes(project_id: str, arrived: StagedFile, shown: str) -> tuple[UploadOutcome, ...]:
    infos = admit_all(arrived.path, shown, app_settings().budget, get_project(project_id).depth)
    keep(arrived)
    if len(infos) == 1:
        record, existed = _insert(project_id, arrived.digest, infos[0])
        return (UploadOutcome(shown, image=record, existed=existed),)
    digests = [selected_digest(arrived.digest, info.selection) for info in infos]
    here = present(project_id, digests)
    if len(here) == len(infos):
        return tuple(UploadOutcome(here[one].name, image=here[one], existed=True) for one in digests)
    return (UploadOutcome(shown, pending=add_pending(project_id, arrived.digest, shown)),)


def _left_out(member: str) -> UploadOutcome:
    shown = clean_name(member)
    return UploadOutcome(shown, problem=f"{shown!r} in the zip is no image that can be read; it was left out")


def _insert(
    project_id: str, file_digest: str, info: ImageInfo, created: datetime | None = None
) -> tuple[ImageRecord, bool]:
    digest = selected_digest(file_digest, info.selection)
    return insert_image(project_id, digest, info.title, info, file_digest=file_digest, created=created)


def _starts_like_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in _ZIP_STARTS
