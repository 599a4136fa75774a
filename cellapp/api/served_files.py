"""A file of a folder of results, served by its name."""

from __future__ import annotations

from pathlib import Path

from fastapi import HTTPException
from fastapi.responses import FileResponse


def one_file(folder: Path, name: str) -> FileResponse:
    """Serve a file that lies directly in a folder; 404 with the names that are there for any other."""
    there = sorted(path.name for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    if name not in there:
        raise HTTPException(404, f"there is no file {name!r}; there are {', '.join(there) or 'none yet'}")
    return FileResponse(folder / name, filename=name)
