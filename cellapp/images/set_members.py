"""Which files are one image together, so that it is counted once and copied whole."""

from __future__ import annotations

from pathlib import Path

from cellapp.errors import InputError
from cellapp.files import without_litter
from cellapp.images.formats.ome_set import find_set
from cellapp.images.formats.sniff import HEAD_BYTES, sniff


def set_members(path: Path) -> tuple[Path, ...]:
    """Return the files that are one image file together with a file.

    Parameters
    ----------
    path : Path
        Any file, or a folder.

    Returns
    -------
    tuple of Path
        For any member of an OME-TIFF set, or its companion file, all of them, always in the same order: the first
        stands for the set. For the index of an Operetta measurement, it and every file beside it. For any other file,
        for a folder, and for a set with files missing, the path itself.
    """
    path = Path(path)
    if not path.is_file():
        return (path,)
    with path.open("rb") as file:
        kind = sniff(file.read(HEAD_BYTES))
    if kind == "harmony":
        beside = without_litter(path.parent.iterdir(), path.parent)
        return (path, *(p for p in beside if p.is_file() and not p.is_symlink() and p != path))  # links are never read
    try:
        found = find_set(path, path.name) if kind in ("tiff", "ome-xml") else None
    except InputError:
        return (path,)
    return found.members if found else (path,)
