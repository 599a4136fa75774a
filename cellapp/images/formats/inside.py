"""Files that metadata refer to: only those in the image's own folder are read."""

from __future__ import annotations

import re
from pathlib import Path

from cellapp.errors import InputError


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
        When the reference is absolute, leads upwards, or passes a link: what is read is not up to metadata.
    """
    parts = [part for part in re.split(r"[/\\]", reference) if part not in ("", ".")]
    path = folder.joinpath(*parts)
    absolute = re.match(r"[/\\]|[A-Za-z]:", reference)
    if absolute or ".." in parts or "\0" in reference or path.resolve() != folder.resolve().joinpath(*parts):
        raise InputError(
            f"{name!r} refers to {reference!r}, which is not a file in its own folder; "
            "copy all files of the image into one folder"
        )
    return path
