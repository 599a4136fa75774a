"""regions_<class>.parquet: what the calls of a run rest on, measured on a sample of its cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cellapp.exports.tables import read_cells
from cellapp.files import safe_stem


def read_explanation_summary(folder: Path, stems: Sequence[str], target: str) -> pd.DataFrame | None:
    """Return what `measure_overview` kept; None when it has not run since an image of the run was segmented.

    Parameters
    ----------
    folder : Path
        Of the run.
    stems : sequence of str
        Folder names of its finished images.
    target : str
        Class explained.
    """
    path = summary_path(folder, target)
    if not path.exists():
        return None
    written = path.stat().st_mtime_ns
    if any((folder / stem / "labels.tif").stat().st_mtime_ns > written for stem in stems):
        return None
    kept = read_cells(path)
    return kept if (kept["target"] == target).all() else None


def summary_path(folder: Path, target: str) -> Path:
    """Return where the summary for a class lies in a run's folder."""
    return folder / f"regions_{safe_stem(target)}.parquet"
