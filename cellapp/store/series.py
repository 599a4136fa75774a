"""What time series of a project have led to: one folder per project, which goes with it."""

from __future__ import annotations

import shutil
from pathlib import Path

from cellapp.config import app_settings
from cellapp.store.blobs import home_folder

_FOLDER = "series"


def series_folder(project_id: str, *parts: str) -> Path:
    """Return a folder below that of a project's time series, made when it is not there."""
    return home_folder(_FOLDER, project_id, *parts)


def delete_series(project_id: str) -> None:
    """Delete everything that the time series of a project have led to."""
    shutil.rmtree(app_settings().home / _FOLDER / project_id, ignore_errors=True)
