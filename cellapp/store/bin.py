"""The bin of the disk: what is cleaned away lies there for a week before it is gone, under the path it had.

What a killed process left half written is swept, too: it has a name that nothing else has.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from cellapp.config import app_settings
from cellapp.files import move_into_place

KEPT_S = 7 * 24 * 3600.0
_ABANDONED_S = 24 * 3600.0  # a `.part` not written to for so long belongs to no running process
_FOLDER, _PART = "bin", ".part"


def to_bin(path: Path) -> Path | None:
    """Move a file or folder of CELLAPP_HOME into the bin.

    Parameters
    ----------
    path : Path
        Below CELLAPP_HOME.

    Returns
    -------
    Path or None
        Where it is now; moving it back undoes this. None where it was not there.
    """
    home = app_settings().home
    if not path.exists():
        return None
    target = home / _FOLDER / f"{int(time.time())}-{uuid.uuid4().hex[:6]}" / path.relative_to(home)
    target.parent.mkdir(parents=True)
    try:
        move_into_place(path, target)
    except FileNotFoundError:
        return None
    return target


def empty_bin(kept_s: float = KEPT_S) -> int:
    """Delete what has been in the bin for so many seconds; returns how many moves into it that undoes no more."""
    old, n_deleted = time.time() - kept_s, 0
    for folder in (app_settings().home / _FOLDER).glob("*-*"):
        begun = folder.name.partition("-")[0]
        if begun.isdecimal() and int(begun) < old:
            shutil.rmtree(folder, ignore_errors=True)
            n_deleted += 1
    return n_deleted


def sweep_parts(abandoned_s: float = _ABANDONED_S) -> int:
    """Delete what killed processes were writing under CELLAPP_HOME, ``*.part``; returns how many.

    Parameters
    ----------
    abandoned_s : float
        Only where nothing was written for so many seconds.
    """
    old = time.time() - abandoned_s
    found = [path for path in _parts(app_settings().home) if _written(path) < old]
    for path in found:
        delete_path(path)
    return len(found)


def delete_path(path: Path) -> None:
    """Delete a file or folder for good, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _parts(home: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(home):
        yield from (Path(folder, name) for name in (*names, *files) if name.endswith(_PART))
        # Not into them, the bin, or what users stored, whose names are theirs.
        kept = {_FOLDER, "files"} if Path(folder) == home else set()
        names[:] = [name for name in names if not name.endswith((_PART, ".zarr")) and name not in kept]


def _written(path: Path) -> float:
    """Return when something was written in a file or folder for the last time."""
    try:
        below = path.rglob("*") if path.is_dir() else ()
        return max(each.stat().st_mtime for each in (path, *below))
    except FileNotFoundError:  # its process has just finished it
        return float("inf")
