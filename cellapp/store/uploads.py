"""Add images to a project: from a stream, a file or a zip.

A file of several images is kept until some are chosen, see `cellapp.store.pending`; several files that are one
image are for `cellapp.store.loose_files`, and stored images become one by `cellapp.store.joined_images`. The header is
checked before anything is stored; a bad file leaves no row and no file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from cellapp.config import app_settings
from cellapp.errors import CellappError, InputError, StoreError
from cellapp.files import clean_name, is_litter
from cellapp.images.archive import extract_images
from cellapp.store.arrived import add_chosen, add_or_ask
from cellapp.store.blobs import home_folder
from cellapp.store.projects import get_project
from cellapp.store.records import ImageRecord, UploadOutcome
from cellapp.store.staging import StagedFile, staged

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
    get_project(project_id)  # an unknown project is refused before gigabytes are copied
    with staged(source, app_settings().budget) as arrived:
        return add_chosen(project_id, arrived, name, scene, time, depth)


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
    try:
        with staged(source, app_settings().budget) as arrived:
            return add_arrived(project_id, arrived, name)
    except (InputError, StoreError) as error:
        return refused(name, error)


def add_arrived(project_id: str, arrived: StagedFile, name: str) -> tuple[UploadOutcome, ...]:
    """Add an uploaded file whose bytes are on the disk; see `add_upload`."""
    shown = clean_name(name)
    try:
        if starts_like_zip(arrived.path):
            return add_zip(project_id, arrived.path, shown)
        return add_or_ask(project_id, arrived, shown)
    except (InputError, StoreError) as error:
        return refused(shown, error)


def refused(name: str, error: CellappError) -> tuple[UploadOutcome, ...]:
    """Return what became of a file that is not added: a problem, or nothing where nobody meant it as one."""
    shown = clean_name(name)
    return () if is_litter(shown) else (UploadOutcome(shown, problem=str(error)),)


def add_every(
    project_id: str,
    source: Path | Iterable[bytes],
    name: str,
    *,
    scene: int | None = None,
    time: int | None = None,
    depth: str | None = None,
) -> tuple[UploadOutcome, ...]:
    """Add the images of a file, or of every file in a zip, without asking which.

    Parameters
    ----------
    project_id, source, name, scene, time, depth
        See `add_images`.

    Returns
    -------
    tuple of UploadOutcome
        One per image, and a problem for each member of a zip that cannot be added. Where the same bytes were there
        under another name, the outcome has the file's and its image the other.

    Raises
    ------
    InputError
        As `add_images` for a file that is no zip; for a zip that cannot be unpacked or has no image, too.
    """

    def add(path: Path) -> tuple[UploadOutcome, ...]:
        records = add_images(project_id, path, path.name, scene=scene, time=time, depth=depth)
        return tuple(_outcome(record, clean_name(path.name)) for record in records)

    get_project(project_id)
    with staged(source, app_settings().budget) as arrived:
        if not starts_like_zip(arrived.path):
            records = add_chosen(project_id, arrived, name, scene, time, depth)
            return tuple(_outcome(record, clean_name(name)) for record in records)
        outcomes = _each_member(arrived.path, clean_name(name), add)
    if not any(outcome.image for outcome in outcomes):
        raise InputError(outcomes[0].problem or f"{clean_name(name)!r} has no image in it; put images into the zip")
    return outcomes


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
    return _each_member(path, shown, lambda member: add_upload(project_id, member, member.name))


def starts_like_zip(path: Path) -> bool:
    """Whether a file is a zip by its first bytes; a folder is none."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) in _ZIP_STARTS


def _each_member(path: Path, shown: str, add: Callable[[Path], tuple[UploadOutcome, ...]]) -> tuple[UploadOutcome, ...]:
    """Unpack a zip and add each image file in it; what cannot be added is a problem of its own."""
    outcomes: list[UploadOutcome] = []
    with tempfile.TemporaryDirectory(dir=home_folder("files", "incoming")) as folder:
        skipped: list[str] = []
        try:
            members = extract_images(path, Path(folder), app_settings().budget, skipped.append, name=shown)
        except InputError as error:
            return (UploadOutcome(shown, problem=str(error)),)
        for member in members:
            try:
                outcomes += add(member)
            except InputError as error:
                outcomes += refused(member.name, error)
    outcomes += [_refused_member(member) for member in skipped if not is_litter(member)]
    return tuple(outcomes) or (UploadOutcome(shown, problem=f"{shown!r} has no image in it; put images into the zip"),)


def _outcome(record: ImageRecord, file: str) -> UploadOutcome:
    same = record.info.name == file
    return UploadOutcome(record.name if same else file, image=record, existed=not same)


def _refused_member(member: str) -> UploadOutcome:
    shown = clean_name(member)
    return UploadOutcome(shown, problem=f"{shown!r} in the zip is no image that can be read; it was left out")
