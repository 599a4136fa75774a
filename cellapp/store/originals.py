"""Stored originals are what was uploaded: their content is hashed again after a change of time or size.

A stamp beside the store, ``stamps/``, says which time and size a file had when it was found to be whole.
"""

from __future__ import annotations

from pathlib import Path

from cellapp.config import app_settings
from cellapp.errors import StoreError
from cellapp.images.read import file_digest

_seen: dict[Path, tuple[int, int]] = {}  # this process asks the disk once


def check_original(digest: str, path: Path, name: str) -> None:
    """Check that a stored file is the one that was stored.

    Parameters
    ----------
    digest : str
        Its name in the store.
    path : Path
    name : str
        Name of the image for messages.

    Raises
    ------
    StoreError
        When its content has changed, or the disk cannot read it.
    """
    try:
        state = _state(path)
        if _seen.get(path) == state or _stamped(digest) == state:
            _seen[path] = state
            return
        whole = is_whole(digest, path)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise StoreError(f"the stored file of {name!r} cannot be read ({why.lower()}); look at the disk") from error
    if not whole:
        raise StoreError(f"the stored file of {name!r} is no longer what was uploaded; upload the same file again")
    remember(digest, path)


def is_whole(digest: str, path: Path) -> bool:
    """Whether a file, or the folder of an OME-Zarr, has the content of a digest; reads all of it."""
    return file_digest(path) == digest


def remember(digest: str, path: Path) -> None:
    """Write down the time and size of a file that is whole."""
    _seen[path] = state = _state(path)
    stamp = stamp_path(digest)
    try:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(" ".join(map(str, state)))
    except OSError:  # a disk that is full or read-only: the next process hashes again
        return


def stamp_path(digest: str) -> Path:
    """Return the path of the stamp of a stored file, whether it is there or not."""
    return app_settings().home / "stamps" / digest[:2] / digest


def _stamped(digest: str) -> tuple[int, ...] | None:
    try:
        return tuple(map(int, stamp_path(digest).read_text().split()))
    except (OSError, ValueError):
        return None


def _state(path: Path) -> tuple[int, int]:
    """Return the size and the time of the last change, of a folder those of all that is in it."""
    found = [each.stat() for each in (path, *(path.rglob("*") if path.is_dir() else ()))]
    return sum(one.st_size for one in found), max(one.st_mtime_ns for one in found)
