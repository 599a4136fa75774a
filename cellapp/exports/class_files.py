"""The files of an image that depend on the classes of its cells, and are written again when those change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cellapp.cells.counts import classes_of
from cellapp.exports.crops_zip import CROPS, write_crops
from cellapp.exports.geojson import write_geojson
from cellapp.exports.kept_outlines import reclassify_geojson
from cellapp.exports.overlay import write_overlay
from cellapp.exports.run_json import PICTURES_BY, write_run
from cellapp.exports.tables import summary_row, write_cells, write_csv
from cellapp.rendering.composition import ImageStyle
from cellapp.settings import AnalyseSettings, CropSettings
from cellapp.types.cells import Analysis
from cellapp.types.image import OnStep, Slide


def write_class_files(
    analysis: Analysis,
    slide: Slide | None,
    folder: Path,
    *,
    settings: AnalyseSettings,
    seconds: float | Callable[[], float],
    style: ImageStyle | None,
    crops: bool,
    on_step: OnStep | None = None,
    crop_parts: Iterable[Path] = (),
    outlines: Mapping[int, str] | None = None,
) -> dict[str, Any]:
    """Write the files that depend on the classes of cells: tables, outlines, overlay, crops and run.json.

    Parameters
    ----------
    analysis, settings, seconds, outlines
        See `cellapp.exports.image_folder.write_analysis`.
    slide : Slide or None
        The same; without it the pictures, overlay and crops, stay as they are.
    folder : Path
        Of the image.
    style : ImageStyle or None
        Of `slide`.
    crops : bool
        Whether crops.zip is written, too.
    on_step : callable, optional
        Progress; may raise `Cancelled`.
    crop_parts : iterable of Path, optional
        Crops that others draw, see `cellapp.exports.crops_zip.write_crops`.

    Returns
    -------
    dict
        The image's row of summary.csv.
    """
    _write_tables(analysis, folder, traced=outlines)
    if slide is not None and style is not None:
        write_class_pictures(
            analysis,
            slide,
            folder,
            crop_settings=settings.crop,
            style=style,
            crops=crops,
            on_step=on_step,
            crop_parts=crop_parts,
        )
    return _write_run(analysis, folder, settings, seconds)


def write_class_tables(
    analysis: Analysis,
    folder: Path,
    *,
    settings: AnalyseSettings,
    seconds: float,
    pictures_by: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Write what depends on the classes of cells and needs no pixels: tables, outlines and run.json.

    Overlay and crops stay as they are until `write_class_pictures`.

    Parameters
    ----------
    analysis, folder, settings, seconds
        See `write_class_files`.
    pictures_by : mapping or None
        Head and version that overlay and crops show, where that is another one; it goes into run.json.

    Returns
    -------
    dict
        The image's row of summary.csv.
    """
    _write_tables(analysis, folder, same_cells=True)
    stale = {PICTURES_BY: dict(pictures_by)} if pictures_by else {}
    return _write_run(replace(analysis, provenance={**analysis.provenance, **stale}), folder, settings, seconds)


def write_class_pictures(
    analysis: Analysis,
    slide: Slide,
    folder: Path,
    *,
    crop_settings: CropSettings,
    style: ImageStyle,
    crops: bool,
    on_step: OnStep | None = None,
    crop_parts: Iterable[Path] = (),
) -> None:
    """Draw the overlay and, where asked for, write crops.zip; parameters are those of `write_class_files`."""
    mask, cells, classes = analysis.mask, analysis.cells, classes_of(analysis.cells)
    write_overlay(style, mask, cells, folder / "overlay.png", classes=classes)
    if not crops:
        return
    write_crops(
        slide,
        mask,
        cells,
        folder / CROPS,
        style=style,
        settings=crop_settings,
        classes=classes,
        um_per_px=analysis.info.um_per_px,
        on_step=on_step,
        parts=crop_parts,
    )


def _write_tables(
    analysis: Analysis, folder: Path, *, same_cells: bool = False, traced: Mapping[int, str] | None = None
) -> None:
    """Write tables and outlines; of the same cells as before, outlines keep their shapes."""
    cells, outlines = analysis.cells, folder / "outlines.geojson"
    write_cells(cells, folder / "cells.parquet")
    write_csv(cells, folder / "cells.csv")
    if not (same_cells and reclassify_geojson(outlines, cells, classes=classes_of(cells))):
        write_geojson(analysis.mask, cells, outlines, classes=classes_of(cells), kept=traced)


def _write_run(
    analysis: Analysis, folder: Path, settings: AnalyseSettings, seconds: float | Callable[[], float]
) -> dict[str, Any]:
    summary = summary_row(analysis, seconds() if callable(seconds) else seconds, settings)
    write_run(analysis, settings, summary, folder / "run.json")
    return summary
