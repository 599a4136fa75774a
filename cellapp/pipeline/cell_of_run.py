"""Reasons for one cell of a folder of `analyse`: by example, and what would flip its call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cellapp.classification.ensemble import Head
from cellapp.errors import InputError, ModelError
from cellapp.explanation.brightness_flip import flip_sentence
from cellapp.exports.run_json import analysed_folders, read_run
from cellapp.exports.tables import read_cells
from cellapp.models.bundle import load_models_to_explain
from cellapp.models.registry import model_folder
from cellapp.pipeline.context import make_context
from cellapp.pipeline.flip_by_brightness import flip_by_brightness
from cellapp.pipeline.reasons_by_example import Reasons, reasons_by_example
from cellapp.pipeline.rescore import load_head, stored_vectors
from cellapp.segmentation.label_image import read_labels
from cellapp.settings import AnalyseSettings
from cellapp.types.cells import LabelMask
from cellapp.types.image import Slide


def examples_of_folder(out: Path, stem: str, cell_id: int) -> Reasons:
    """Find the cells that are like one, see `reasons_by_example`.

    Parameters
    ----------
    out : Path
        The run's folder.
    stem : str
        Folder of the image in it.
    cell_id : int

    Raises
    ------
    InputError
        When there is no such image or cell, or it has no class.
    ModelError
        When the head is not here, or the folder has no vectors that it reads.
    """
    run = _run_of(out, stem)
    head, name = _head_of(run)
    stems = [folder.name for folder in analysed_folders(out)]
    tables = {one: read_cells(out / one / "cells.parquet") for one in stems}
    return reasons_by_example(
        tables, lambda one: stored_vectors(out / one, head), stem, cell_id, head, model_folder(name)
    )


def flip_of_folder(
    out: Path, stem: str, cell_id: int, open_slide: Callable[[], Slide], target: str | None = None
) -> tuple[dict[str, Any], str]:
    """Search the smallest change of brightness that flips a call; returns plain JSON values and a sentence.

    Parameters
    ----------
    out : Path
        Folder of a run.
    stem : str
        Folder of the image in it.
    cell_id : int
    open_slide : callable
        Opens the image.
    target : str, optional
        Class whose probability is followed; the head's positive class when left out.

    Raises
    ------
    InputError
        When there is no such image or cell.
    ModelError
        When the head is not here, reads no crops, or does not know the class.
    """
    run = _run_of(out, stem)
    head, _ = _head_of(run)
    target = target or head.positive
    head.contrast(target)  # refuses a class that it does not know
    cells = read_cells(out / stem / "cells.parquet")
    if cell_id not in cells.index:
        raise InputError(f"no cell {cell_id} in image {stem!r} of this run; its ids are in cells.csv")
    settings = AnalyseSettings.model_validate(run["settings"])
    context = make_context(open_slide(), None, load_models_to_explain(settings), settings)
    mask = LabelMask(read_labels(out / stem / "labels.tif", context.slide.info.shape[1:]), "")
    search = flip_by_brightness(context, mask, cells.loc[[cell_id]], target)
    return {**asdict(search), "target": target}, flip_sentence(search, target)


def _run_of(out: Path, stem: str) -> Mapping[str, Any]:
    if not (out / stem / "run.json").is_file():
        known = ", ".join(folder.name for folder in analysed_folders(out))
        raise InputError(f"no image {stem!r} in {str(out)!r}; it has {known}")
    return read_run(out / stem / "run.json")


def _head_of(run: Mapping[str, Any]) -> tuple[Head, str]:
    name = run["settings"].get("classify", {}).get("head")
    if not name or not run.get("head"):
        raise InputError("this run counted cells without classes: no call can be explained before `rescore` makes some")
    head = load_head(name)
    if head.identity != run["head"]:
        raise ModelError(f"the head {run['head']} is not here any more; analyse again, or `rescore` with one that is")
    return head, name
