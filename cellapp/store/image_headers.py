"""Headers of stored images: as JSON in their rows, and read again where this version reads a file as something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from cellapp.images.channels import assign_channels
from cellapp.images.probe import probe
from cellapp.store.blobs import discard_views, stored_path
from cellapp.types.image import ImageInfo, Role, Selection

_INFO = TypeAdapter(ImageInfo)
_BEFORE = "Before an update"


def info_to_json(info: ImageInfo) -> dict[str, Any]:
    """Return a header as plain JSON values."""
    return _INFO.dump_python(info, mode="json")


def info_from_json(content: Mapping[str, Any]) -> ImageInfo:
    """Return the header that `info_to_json` wrote, with its tuples and roles."""
    return _INFO.validate_python(content)


def look_again(row: Mapping[str, Any]) -> dict[str, Any]:
    """Read the header of a stored image again.

    Parameters
    ----------
    row : mapping
        Columns of the images table by name.

    Returns
    -------
    dict
        See `renewed`; empty, too, when the file is gone or is refused now, which is told by whoever opens it.
    """
    stored = info_from_json(row["info"])
    with suppress(Exception):  # whatever is wrong with a file, the others and the database have to open
        return renewed(row, _fresh(stored, row))
    return {}


def renewed(row: Mapping[str, Any], fresh: ImageInfo) -> dict[str, Any]:
    """Return what changes of a stored image whose file is read as something else by now.

    Parameters
    ----------
    row : mapping
        Columns of the images table by name.
    fresh : ImageInfo
        What its header says now.

    Returns
    -------
    dict
        New values by column, with a note that says what was read before; empty when it is the same. Runs and what a
        person stated stay: names and roles of the channels that are left, a pixel size typed in. Pyramid and
        thumbnail, which may show what was read before, are deleted; they are made when they are next needed.
    """
    stored = info_from_json(row["info"])
    told = tuple(note for note in stored.notes if note.startswith(_BEFORE))
    if _meaning(fresh) == _meaning(replace(stored, notes=stored.notes[: len(stored.notes) - len(told)])):
        return {}
    discard_views(row["digest"])
    channels, roles = _channels(stored, fresh, row["channels"], row["roles"])
    if _size(stored) != _size(fresh):
        told = (*told, _before(stored))
    info = replace(fresh, name=stored.name, file=stored.file, notes=fresh.notes + told)
    if fresh.shape[0] == stored.shape[0]:
        info = replace(info, channels=stored.channels, is_photo=stored.is_photo)
    untouched = row["um_per_px"] == stored.um_per_px
    um_per_px = fresh.um_per_px if untouched else row["um_per_px"]
    return {"info": info_to_json(info), "channels": channels, "roles": roles, "um_per_px": um_per_px}


def _fresh(stored: ImageInfo, row: Mapping[str, Any]) -> ImageInfo:
    if not row["parts"]:
        digest = row["file_digest"] or row["digest"]
        return probe(stored_path(digest, stored.name, check=False), stored.name, Selection(**row["selection"]))
    selections = row["selection"].get("parts") or [{}] * len(row["parts"])
    parts = [
        probe(stored_path(digest, stored.name, check=False), stored.name, Selection(**one))
        for digest, one in zip(row["parts"], selections, strict=True)
    ]
    return replace(stored, notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)))


def _meaning(info: ImageInfo) -> tuple[Any, ...]:
    """Return what decides which numbers are read; each conversion of samples is told in `notes`."""
    return _size(info), info.bits, info.notes


def _size(info: ImageInfo) -> tuple[Any, ...]:
    return info.shape, info.dtype, info.um_per_px


def _before(stored: ImageInfo) -> str:
    n_channels, height, width = stored.shape
    channels = "one channel" if n_channels == 1 else f"{n_channels} channels"
    size = f"{stored.um_per_px:g} um per pixel" if stored.um_per_px else "unknown pixel size"
    return (
        f"{_BEFORE} it was read as {channels} of {height} x {width} px, {stored.dtype}, {size}: runs of that time keep "
        "what they measured."
    )


def _channels(
    stored: ImageInfo, fresh: ImageInfo, names: Sequence[str], roles: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return names and roles: those in force where as many channels are left or a person stated some of them."""
    n_left = fresh.shape[0]
    stated = tuple(names) != stored.channels or any(role != Role.OTHER for role in roles)
    if n_left == len(names) or (n_left < len(names) and stated):
        return list(names[:n_left]), list(roles[:n_left])
    own, guessed = assign_channels(fresh, {})
    return list(own), [role.value for role in guessed]
