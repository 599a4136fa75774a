"""What metadata, indexes and links may lead to: files in the folder of the image, or in the one the user named.

A file can name any other, and a folder can hold links to any other; whoever made it must not choose what the reader of
it reads. Every path that does not come from the user goes through here.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from cellapp.errors import InputError

_STORED = re.compile(r"[0-9a-f]{64}")
"""Name of a stored original, whose neighbours on the disk are other people's (`cellapp.store.blobs`)."""


def inside(folder: Path, reference: str, name: str) -> Path:
    """Return the path of a file or folder that metadata name, which need not exist.

    Parameters
    ----------
    folder : Path
        Folder of the image.
    reference : str
        As the metadata have it, with either slash.
    name : str
        Name of the image for messages.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        When the reference is absolute, leads upwards, passes a link, or is the name of a stored original: what is read
        is not up to metadata.
    """
    parts = [part for part in re.split(r"[/\\]", reference) if part not in ("", ".")]
    path = folder.joinpath(*parts)
    absolute = re.match(r"[/\\]|[A-Za-z]:", reference)
    stored = any(map(_STORED.fullmatch, parts))
    if absolute or ".." in parts or "\0" in reference or stored or path.resolve() != folder.resolve().joinpath(*parts):
        raise InputError(
            f"{name!r} refers to {reference!r}, which is not a file in its own folder; "
            "copy all files of the image into one folder"
        )
    return path


def leads_out(folder: Path, path: Path) -> bool:
    """Whether a path below a folder is really outside it, by a link or by upward steps.

    Parameters
    ----------
    folder : Path
        What the user named; it may be a link itself.
    path : Path
        Below it; it need not exist.
    """
    home, really = os.path.realpath(folder), os.path.realpath(path)  # asked of each of thousands of crops
    return really != home and not really.startswith(os.path.join(home, ""))


def check_inside(folder: Path, path: Path) -> None:
    """Refuse a file of a folder that is really elsewhere.

    Raises
    ------
    InputError
        When it `leads_out`.
    """
    if leads_out(folder, path):
        shown = path.relative_to(folder).as_posix()
        raise InputError(f"{shown!r} leads out of the folder {folder.name!r}; put a copy in place of the link")


def check_links(folder: Path, name: str) -> None:
    """Refuse a folder that is one image and holds links to files that are not its own.

    Parameters
    ----------
    folder : Path
        Of an OME-Zarr, or of a measurement.
    name : str
        Name of the image for messages.

    Raises
    ------
    InputError
        When a link at any depth leads out of it: it would be read, and copied, as a part of the image.
    """
    waiting = [os.fspath(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_symlink() and leads_out(folder, Path(entry.path)):
                    shown = Path(entry.path).relative_to(folder).as_posix()
                    raise InputError(f"{name!r} has a link that leads out of it ({shown!r}); copy the file itself")
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
