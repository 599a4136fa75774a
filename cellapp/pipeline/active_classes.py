"""The files of a run follow the active version of its classes: tables at once, pictures with the images at hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cellapp.errors import InputError
from cellapp.exports.apply_labels import summary_rows
from cellapp.exports.class_files import write_class_pictures, write_class_tables
from cellapp.exports.class_versions import ClassVersion, ClassVersions, version_of_run, version_table, with_classes
from cellapp.exports.crops_zip import has_crops
from cellapp.exports.image_folder import read_analysis
from cellapp.exports.run_json import EDITS, PICTURES_BY, analysed_folders, read_run
from cellapp.exports.run_vectors import vectors_of_run
from cellapp.exports.tables import write_summary
from cellapp.files import atomic_write
from cellapp.pipeline.progress import no_progress
from cellapp.pipeline.provenance import settings_digest
from cellapp.rendering.composition import ImageStyle
from cellapp.settings import AnalyseSettings
from cellapp.types.image import OnStep, Slide


def follow(out: Path, versions: ClassVersions, on_step: OnStep = no_progress) -> list[dict[str, Any]]:
    """Write the tables of all images of a folder by the active version of their classes, and its summary.csv.

    Returns
    -------
    list of dict
        The rows of summary.csv.
    """
    folders = analysed_folders(out)
    for n_done, folder in enumerate(folders):
        on_step(f"{folder.name}: Writing tables", n_done / len(folders))
        write_active_tables(folder, versions)
    rows = summary_rows(out)
    write_summary(rows, out)
    return rows


def not_drawn(out: Path) -> dict[Path, str]:
    """Return the folders whose overlay and crops show other classes than their tables, with the digest of the image."""
    runs = {folder: read_run(folder / "run.json") for folder in analysed_folders(out)}
    return {folder: run["image"]["sha256"] for folder, run in runs.items() if run.get(PICTURES_BY)}


def write_active_tables(folder: Path, versions: ClassVersions) -> dict[str, Any]:
    """Write the tables, outlines and run.json of an image by the active version of the classes.

    Overlay and crops stay until `draw_active_classes`; run.json says whose classes they show.

    Parameters
    ----------
    folder : Path
        ``out/<stem>``.
    versions : ClassVersions

    Returns
    -------
    dict
        The image's row of summary.csv.
    """
    version, run = versions.active, read_run(folder / "run.json")
    columns = version_table(folder.parent, version.id, folder.name) if version else None
    if version is None or columns is None:  # analysed after that version was made
        return run["summary"]
    analysis = read_analysis(folder)
    settings = AnalyseSettings.model_validate(run["settings"]).model_copy(update={"classify": version.settings})
    cells = with_classes(analysis.cells, columns)
    return write_class_tables(
        replace(analysis, cells=cells, provenance=_provenance(run, analysis.provenance, version, settings)),
        folder,
        settings=settings,
        seconds=run["summary"]["seconds"],
        pictures_by=_drawn_by(run, version),
    )


def draw_active_classes(folder: Path, slide: Slide, on_step: OnStep | None = None) -> bool:
    """Draw overlay and crops of an image by the classes in its tables, where they show others.

    Crops that were not made yet are left to `cellapp.pipeline.make_crops`, which draws the classes of then.

    Parameters
    ----------
    folder : Path
        ``out/<stem>``.
    slide : Slide
        Image the cells were cut from.
    on_step : callable, optional
        Progress; may raise `Cancelled`.

    Returns
    -------
    bool
        Whether they had to be drawn.

    Raises
    ------
    InputError
        When the slide is another image.
    """
    run = read_run(folder / "run.json")
    if not run.get(PICTURES_BY):
        return False
    analysis = read_analysis(folder)
    if slide.digest != analysis.digest:
        raise InputError(f"{folder.name!r} was made from another image than {slide.info.name!r}; give that one")
    style = ImageStyle.of(slide, analysis.info.channels, analysis.roles)
    crop_settings = AnalyseSettings.model_validate(run["settings"]).crop
    look = {"crop_settings": crop_settings, "style": style, "crops": has_crops(folder)}
    write_class_pictures(analysis, slide, folder, **look, on_step=on_step)
    now = read_run(folder / "run.json")
    if version_of_run(now).id == version_of_run(run).id and _last_edit(now) == _last_edit(run):  # else those come next
        del now[PICTURES_BY]
        with atomic_write(folder / "run.json") as part:
            part.write_text(json.dumps(now, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    return True


def _provenance(
    run: Mapping[str, Any], before: Mapping[str, Any], version: ClassVersion, settings: AnalyseSettings
) -> dict[str, Any]:
    """Return what made an image's results with the head of a version in place of the one before."""
    vectors = vectors_of_run(run)  # of the file in the folder, which stays
    return {
        **{name: value for name, value in before.items() if name != "demonstration"},
        **version.made_by,
        "settings_digest": settings_digest(settings),
        "vectors": vectors.model_dump(mode="json") if vectors else None,
    }


def _drawn_by(run: Mapping[str, Any], version: ClassVersion) -> dict[str, Any] | None:
    """Return whose classes the pictures of an image show; None where they are those of `version`."""
    drawn = pictures_shown(run)
    same = drawn["version"] == version.id and drawn.get("edit", 0) == _last_edit(run)
    return None if same else drawn


def pictures_shown(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return what overlay and crops of an image show: head and version of its classes, and the last edit of its cells.

    Parameters
    ----------
    run : mapping
        The content of its run.json.
    """
    shown, last = version_of_run(run), _last_edit(run)
    return run.get(PICTURES_BY) or {"head": shown.head, "version": shown.id, **({"edit": last} if last else {})}


def _last_edit(run: Mapping[str, Any]) -> int:
    return (run.get(EDITS) or {}).get("number", 0)
