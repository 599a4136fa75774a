"""Crops of an image that was analysed without: crops.zip when it is wanted, or single cells cut from the image.

The bytes are those that the run would have written.

Finished parts wait beside the image's folder until all are there, so that work that was killed goes on from them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cellapp import __version__
from cellapp.abandoned import delete_abandoned
from cellapp.cells.counts import classes_of
from cellapp.cells.crop import crop
from cellapp.errors import InputError
from cellapp.exports.crops_zip import CROPS, has_crops, read_raw_crops, write_crops
from cellapp.exports.image_folder import read_analysis
from cellapp.exports.run_json import EDITS, analysed_folders, read_run
from cellapp.pipeline.checkpoint import Checkpoint, open_checkpoint
from cellapp.pipeline.draw_crops import draw_crops_here
from cellapp.pipeline.progress import no_progress, part_of
from cellapp.rendering.composition import ImageStyle
from cellapp.settings import AnalyseSettings, CropSettings
from cellapp.types.image import OnStep, Slide

_DRAWING = 0.9  # share of the time; the rest joins the parts


def without_crops(out: Path) -> list[Path]:
    """Return the folders of a run's images that have no crops, by name."""
    return [folder for folder in analysed_folders(out) if not has_crops(folder)]


def make_crops(folder: Path, slide: Slide, on_step: OnStep = no_progress) -> Path:
    """Write crops.zip of an analysed image by its cells and classes of now, on every core.

    Parameters
    ----------
    folder : Path
        ``out/<stem>``.
    slide : Slide
        Image the cells are cut from.
    on_step : callable, optional
        Progress, 0 to 1; may raise `Cancelled`, and then the finished parts are kept for the next call.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        When the slide is another image.
    """
    key = _key(folder)
    if slide.digest != key["image"]:
        raise InputError(f"{folder.name!r} was made from another image than {slide.info.name!r}; give that one")
    delete_abandoned(folder)  # a half-written crops.zip of a process that was killed
    while True:
        with open_checkpoint(folder.parent / f".{folder.name}.crops", key, resume=True) as checkpoint:
            _make(folder, slide, checkpoint, on_step)
        before, key = key, _key(folder)
        if key == before:  # else somebody gave a class or edited a cell meanwhile
            return folder / CROPS


def raw_crops(
    folder: Path, cell_ids: Sequence[int], open_slide: Callable[[], Slide] | None = None
) -> dict[int, np.ndarray]:
    """Return the raw crops of some cells, from crops.zip or, where there is none, cut from the image.

    Parameters
    ----------
    folder : Path
        ``out/<stem>``.
    cell_ids : sequence of int
        Those that are not there are left out.
    open_slide : callable, optional
        Opens the image; without it and without crops.zip no crop is found.

    Returns
    -------
    dict of int to ndarray of shape (C, h, w)
    """
    if has_crops(folder) or open_slide is None:
        return read_raw_crops(folder / CROPS, cell_ids)
    analysis, settings = read_analysis(folder), _crop_settings(folder)
    cells = analysis.cells.loc[analysis.cells.index.intersection(list(cell_ids))]
    look = {"channels": analysis.info.channels, "roles": analysis.roles}
    cut = crop(open_slide(), analysis.mask, cells, settings, **look)
    return {int(cell_id): pixels for cell_id, pixels in zip(cut.cell_ids, cut.pixels, strict=True)}


def _crop_settings(folder: Path) -> CropSettings:
    return AnalyseSettings.model_validate(read_run(folder / "run.json")["settings"]).crop


def _make(folder: Path, slide: Slide, checkpoint: Checkpoint, on_step: OnStep) -> None:
    analysis, settings = read_analysis(folder), _crop_settings(folder)
    style = ImageStyle.of(slide, analysis.info.channels, analysis.roles)
    drawing = part_of(on_step, 0.0, _DRAWING)
    write_crops(
        slide,
        analysis.mask,
        analysis.cells,
        folder / CROPS,
        style=style,
        settings=settings,
        classes=classes_of(analysis.cells),
        um_per_px=analysis.info.um_per_px,
        parts=draw_crops_here(analysis, slide, style, settings, checkpoint, drawing),
    )


def _key(folder: Path) -> Mapping[str, Any]:
    """Return what the parts of an image depend on, as it is now."""
    run = read_run(folder / "run.json")
    with (folder / "cells.parquet").open("rb") as table:
        cells = hashlib.file_digest(table, "sha256").hexdigest()
    return {
        "cellapp": __version__,
        "image": run["image"]["sha256"],
        "crop": run["settings"].get("crop", {}),
        "edit": (run.get(EDITS) or {}).get("number", 0),
        "cells": cells,
    }
