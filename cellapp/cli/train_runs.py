"""`train --run`: a head from the cells of analysed images, as the Train page makes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from cellapp.cli.report import opened_images
from cellapp.errors import InputError
from cellapp.jobs.evaluations import remember_evaluation, runs_of_folders
from cellapp.jobs.training_cells import cell_images
from cellapp.pipeline.progress import no_progress
from cellapp.pipeline.report_run import images_by_digest
from cellapp.text_table import read_table
from cellapp.training.analysed_runs import cells_of_runs, read_analysed
from cellapp.training.cell_images import CellImage, analysed_image
from cellapp.training.classifier.keep_cells import pictures_of_runs
from cellapp.training.classifier.of_cells import check_choices
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.classifier.train_on_vectors import train_on_vectors
from cellapp.training.classifier.tune_on_cells import tune_on_cells
from cellapp.training.labelled_cells import LabelledCells
from cellapp.types.image import OnStep


def train_on_runs(
    table: Path,
    out: Path,
    recipe: HeadRecipe,
    runs: Sequence[Path],
    column: str | None,
    classes: str | None,
    labels: Path | None = None,
    on_step: OnStep | None = None,
    *,
    images: Sequence[str] = (),
) -> dict[str, Any]:
    """Train on the cells of runs and return the metrics, see `cellapp.training.analysed_runs.cells_of_runs`.

    Where the folders are those of runs of a project, the project remembers on which images the head was scored.

    Parameters
    ----------
    table : Path
        Of images, or of labels of cells where `labels` is left out.
    out : Path
    recipe : HeadRecipe
    runs : sequence of Path
    column : str, optional
        When left out ``class``, or none where labels of cells are given.
    classes : str, optional
        See `parse_classes`.
    labels : Path, optional
        Labels of cells, beside the table of images.
    on_step : callable, optional
    images : sequence of str, optional
        Images that were analysed, from which fine-tuning cuts cells again; those of runs of a project need no name.

    Returns
    -------
    dict
        As written to ``metrics.json``, and ``earlier_looks``, see `cellapp.store.head_evaluations.looks_before`.

    Raises
    ------
    InputError
        Also when the recipe asks for what vectors that are there already have decided, or an image is missing.
    """
    cells = _labelled_cells(table, recipe, runs, column, classes, labels)
    if recipe.mode == "finetune":
        with _to_cut_from(runs, images, cells) as known:
            trained = tune_on_cells(cells, known, out, recipe, on_step or no_progress)
    else:
        folders = {image.vectors.name: image.folder for image in read_analysed(runs)}
        pictures_of = pictures_of_runs(folders, cells.images, cells.cell_ids)
        trained = train_on_vectors(cells, out, recipe, on_step, pictures_of=pictures_of)
    stored = runs_of_folders(runs)
    looks = remember_evaluation(stored, out) if stored else None
    return dict(trained.metrics) | {"earlier_looks": vars(looks) if looks else None}


def _labelled_cells(
    table: Path, recipe: HeadRecipe, runs: Sequence[Path], column: str | None, classes: str | None, labels: Path | None
) -> LabelledCells:
    """Read the cells that the tables speak of."""
    check_choices(recipe, "the run named with --run")
    of_images: Path | None = table
    if labels is None and column is None and _is_of_cells(table):
        of_images, labels = None, table
        if recipe.group_column is not None:
            raise InputError(
                f"{recipe.group_column!r} is to be a column of a table of images: give that table, and the labels of "
                "cells with --labels"
            )
    column = column or (None if labels else "class")
    if classes and column is None:
        raise InputError(
            f"--classes {classes} has no effect on labels of cells, which say the class; name a column of images with "
            "--column, or leave --classes out"
        )
    return cells_of_runs(
        runs,
        of_images,
        column,
        group_column=recipe.group_column,
        classes=parse_classes(classes) if classes else None,
        cell_labels=labels,
    )


@contextmanager
def _to_cut_from(
    runs: Sequence[Path], images: Sequence[str], cells: LabelledCells
) -> Iterator[Mapping[str, CellImage]]:
    """Give the images that cells are cut from: those of the project where these are its runs, else those named."""
    stored = runs_of_folders(runs)
    if stored and not images:
        yield cell_images([run.id for run in stored])
        return
    with ExitStack() as opened:
        known = {
            run / stem: open_slide
            for run in runs
            for stem, open_slide in images_by_digest(
                run, opened.enter_context(opened_images(list(images), run))
            ).items()
        }
        found = {image.vectors.name: image.folder for image in read_analysed(runs)}
        missing = [name for name in dict.fromkeys(cells.images) if found[name] not in known]
        if missing:
            more = f" and of {len(missing) - 1:,} more" if len(missing) > 1 else ""
            raise InputError(
                f"fine-tuning cuts cells from their images again, and the image of {missing[0]!r}{more} was not given: "
                "name the images that were analysed with --image"
            )
        yield {name: analysed_image(folder, known[folder]) for name, folder in found.items() if folder in known}


def _is_of_cells(table: Path) -> bool:
    """Whether a table names cells, as `label export` writes it, and not files."""
    columns = set(read_table(table, []).columns)
    return "file" not in columns and "class" in columns and bool(columns & {"cell_id", "y"})


def parse_classes(text: str) -> dict[str, str]:
    """Read "MCF7=cancer,MCF10A=normal" as value -> class.

    Raises
    ------
    InputError
        When it is anything else.
    """
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if not pairs or not all(value.strip() and name.strip() for value, _, name in pairs):
        raise InputError(f"classes are given as value=class,value=class; got {text!r}")
    return {value.strip(): name.strip() for value, _, name in pairs}


def parse_grid(texts: Sequence[str]) -> dict[str, list[str]]:
    """Read ["resample=none,over", "strengths=0.1,1"] as name -> values, which the recipe checks.

    Raises
    ------
    InputError
        When one is anything else, or a name comes twice.
    """
    pairs = [text.partition("=") for text in texts]
    grid = {name.strip(): [value.strip() for value in values.split(",")] for name, _, values in pairs}
    if len(grid) < len(texts) or not all(name and all(values) for name, values in grid.items()):
        raise InputError(f"a grid is given as name=value,value, each name once; got {', '.join(texts)!r}")
    return grid
