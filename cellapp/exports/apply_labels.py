"""Apply classes given by hand to the folder of an analysed image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from cellapp.errors import InputError
from cellapp.exports.class_files import write_class_files
from cellapp.exports.crops_zip import has_crops
from cellapp.exports.image_folder import read_analysis
from cellapp.exports.run_json import PICTURES_BY, analysed_folders, read_run
from cellapp.exports.stored_summary import stored_summary
from cellapp.exports.tables import write_summary
from cellapp.rendering.composition import ImageStyle
from cellapp.settings import AnalyseSettings
from cellapp.types.image import Slide


def apply_labels(folder: Path, slide: Slide | None, labels: Mapping[int, str]) -> dict[str, Any]:
    """Set `manual_label` of some cells and rewrite the files that depend on it.

    Tables, outlines, overlay, crops, run.json and the run's summary.csv are written as the analysis writes them; label
    image, embeddings and explanations stay as they are, and crops that were never made are not made here.

    Parameters
    ----------
    folder : Path
        ``out/<stem>`` of an analysed image.
    slide : Slide or None
        Image the cells were cut from. Without it everything but the pictures is written: overlay and crops stay.
    labels : mapping of int to str
        Cell id -> class; "" takes the class given by hand away.

    Returns
    -------
    dict
        The image's new row of summary.csv.

    Raises
    ------
    InputError
        If a cell is not in the folder, or the slide is another image; nothing is changed then.
    """
    analysis, run = read_analysis(folder), read_run(folder / "run.json")
    unknown = sorted(set(labels) - set(analysis.cells.index.tolist()))
    if unknown:
        raise InputError(f"{folder.name!r} has no cell {unknown[0]}; its ids are in cells.csv")
    if slide is not None and slide.digest != analysis.digest:
        raise InputError(f"{folder.name!r} was made from another image than {slide.info.name!r}; give that one")
    cells = _labelled(analysis.cells, labels)
    waiting = {PICTURES_BY: run[PICTURES_BY]} if slide is None and PICTURES_BY in run else {}
    summary = write_class_files(
        replace(analysis, cells=cells, provenance={**analysis.provenance, **waiting}),
        slide,
        folder,
        settings=AnalyseSettings.model_validate(run["settings"]),
        seconds=run["summary"]["seconds"],
        style=ImageStyle.of(slide, analysis.info.channels, analysis.roles) if slide is not None else None,
        crops=has_crops(folder),
    )
    write_summary(summary_rows(folder.parent), folder.parent)
    return summary


def _labelled(cells: pd.DataFrame, labels: Mapping[int, str]) -> pd.DataFrame:
    """Return a cell table with classes given by hand."""
    cells = cells.copy()
    if "manual_label" not in cells:
        cells["manual_label"] = ""
    cells.loc[list(labels), "manual_label"] = list(labels.values())
    return cells


def summary_rows(out: Path) -> list[dict[str, Any]]:
    """Return the summary row of every finished image in a run's folder, by name."""
    return [stored_summary(folder) for folder in analysed_folders(out)]
