"""Write beside, then rename: a reader sees the old file or the new one, never half of one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary file in the same folder that becomes `path` when the block ends without an error.

    Parameters
    ----------
    path : Path
        Its folder is created when absent. The temporary name keeps the suffix, which some writers go by.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", suffix=".part", dir=path.parent) as scratch:
        part = Path(scratch) / path.name
        yield part
        part.replace(path)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder that becomes `path`, in place of what was there, when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", suffix=".part", dir=path.parent) as scratch:
        part, old = Path(scratch) / "new", Path(scratch) / "old"
        part.mkdir()
        yield part
        if path.exists():
            path.replace(old)
        part.replace(path)
