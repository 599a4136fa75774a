"""What time series of a project have led to: one folder per project."""

from __future__ import annotations

from pathlib import Path

from cellapp.store.blobs import home_folder

_FOLDER = "series"


def series_folder(project_id: str, *parts: str) -> Path:
    """Return a folder below that of a project's time series, made when it is not there."""
    return home_folder(_FOLDER, project_id, *parts)
