"""Temporary folders that know whether their process is still there: it holds a lock, which the system gives back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

_LOCK = ".held"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Mark a temporary folder as one that is being written to, until the block or the process ends.

    Parameters
    ----------
    folder : Path
        Empty; it gets one hidden file.
    """
    with (folder / _LOCK).open("w") as file:
        if _lock(file):
            file.write("locked")  # only now, so that whoever finds the word finds the lock, too
            file.flush()
        yield


def delete_abandoned(folder: Path) -> None:
    """Delete the temporary folders in `folder` whose processes are gone.

    Those of a system or a file system without such locks, Windows for one, stay.

    Parameters
    ----------
    folder : Path
        Need not be there.
    """
    for lock in folder.glob(f".*.part/{_LOCK}"):
        with suppress(FileNotFoundError), lock.open("r+") as file:
            if file.read() and _lock(file):
                shutil.rmtree(lock.parent, ignore_errors=True)


def _lock(file: IO[str]) -> bool:
    try:
        import fcntl  # not on Windows

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):  # another process has it, or the file system knows no locks
        return False
    return True
