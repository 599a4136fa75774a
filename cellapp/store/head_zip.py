"""A head as one zip: to take it to a colleague, and to bring it in."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO
from zipfile import BadZipFile, ZipFile, ZipInfo

from cellapp.classification.ensemble import Head
from cellapp.classification.head_io import DESCRIPTION, load_head
from cellapp.config import app_settings
from cellapp.errors import InputError, ModelError
from cellapp.exports.zip_bundle import write_bundle
from cellapp.files import is_litter
from cellapp.images.archive import check_members
from cellapp.images.formats.faults import fault
from cellapp.models.registry import entry, is_declared
from cellapp.store.heads import HeadRecord, add_head

_SUFFIXES = {".json", ".safetensors", ".csv", ".toml", ".md"}


def export_head(head: HeadRecord, stream: IO[bytes]) -> None:
    """Write the folder of a head as one zip; the same head gives the same bytes."""
    write_bundle(head.folder, stream)


def import_head(project_id: str, zip_path: Path) -> HeadRecord:
    """Add the head in a zip to a project.

    Parameters
    ----------
    project_id : str
    zip_path : Path
        As `export_head` writes it, or a folder of a head packed by hand; other files in it are passed over.

    Raises
    ------
    BudgetError
        When it is larger than the limits.
    InputError
        When it is no zip, is damaged or encrypted, would unpack outside its folder, or holds no or several heads; or
        when the head reads an encoder that is neither in the zip nor in the registry.
    ModelError
        When the head is damaged.
    """
    try:
        with ZipFile(zip_path) as archive, TemporaryDirectory() as scratch:
            members = [member for member in archive.infolist() if not member.is_dir()]
            check_members(members, zip_path, app_settings().budget, what="head")
            _unpack(archive, members, _place(members, zip_path), Path(scratch))
            return _add(project_id, Path(scratch), zip_path.name)
    except (BadZipFile, NotImplementedError, EOFError) as error:
        raise InputError(f"{zip_path.name!r} is no whole zip ({fault(error)}); export the head again") from error


def _add(project_id: str, scratch: Path, name: str) -> HeadRecord:
    try:
        _require_declared_encoders(load_head(scratch))
        return add_head(project_id, scratch)
    except ModelError as error:  # it names the folder that is gone
        raise ModelError(str(error).replace(str(scratch), repr(name))) from error


def _require_declared_encoders(head: Head) -> None:
    """Refuse a head that names an encoder by a path, which would be one of this server, or by an unknown name."""
    for member in getattr(head, "members", (head,)):
        name = member.encoder_name
        if member.own_encoder is None and not (is_declared(name) and entry(name).kind == "encoder"):
            raise InputError(
                f"head {head.name!r} reads the encoder {name!r}, which is not in its zip and not one of `models list`; "
                "train it on one of these, or fine-tune it, so that its encoder is part of it"
            )


def _place(members: Sequence[ZipInfo], zip_path: Path) -> PurePosixPath:
    """Return the folder inside the zip that holds the head."""
    places = {
        PurePosixPath(member.filename).parent
        for member in members
        if PurePosixPath(member.filename).name == DESCRIPTION and not is_litter(member.filename)
    }
    if len(places) != 1:
        found = "no head" if not places else f"{len(places)} heads"
        raise InputError(f"{zip_path.name!r} holds {found}; zip one folder that has a {DESCRIPTION}")
    return places.pop()


def _unpack(archive: ZipFile, members: Sequence[ZipInfo], place: PurePosixPath, into: Path) -> None:
    for member in members:
        path = PurePosixPath(member.filename)
        if not path.is_relative_to(place) or path.suffix not in _SUFFIXES or is_litter(member.filename):
            continue
        target = into / path.relative_to(place)
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(member) as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink)
