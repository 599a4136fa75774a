"""`train --run`: a head from the cells of analysed images, as the Train page makes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cellapp.errors import InputError
from cellapp.text_table import read_table
from cellapp.training.analysed_runs import cells_of_runs, read_analysed
from cellapp.training.classifier.keep_cells import pictures_of_runs
from cellapp.training.classifier.of_cells import OF_VECTORS
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.classifier.train_on_vectors import train_on_vectors
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
) -> dict[str, Any]:
    """Train on the cells of runs and return the metrics, see `cellapp.training.analysed_runs.cells_of_runs`.

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

    Raises
    ------
    InputError
        Also when the recipe asks for what vectors that are there already have decided.
    """
    if recipe.mode == "finetune":
        raise InputError("with --run a head is fitted to vectors; fine-tune on pictures, or on the Train page")
    default = HeadRecipe()
    asked = [name for name in OF_VECTORS if getattr(recipe, name) != getattr(default, name)]
    if asked:
        raise InputError(f"with --run the vectors of the run are taken as they are; leave out {asked[0]!r}")
    images: Path | None = table
    if labels is None and column is None and _is_of_cells(table):
        images, labels = None, table
        if recipe.group_column is not None:
            raise InputError(
                f"{recipe.group_column!r} is to be a column of a table of images: give that table, and the labels of "
                "cells with --labels"
            )
    cells = cells_of_runs(
        runs,
        images,
        column or (None if labels else "class"),
        group_column=recipe.group_column,
        classes=parse_classes(classes) if classes else None,
        cell_labels=labels,
    )
    folders = {image.vectors.name: image.folder for image in read_analysed(runs)}
    pictures_of = pictures_of_runs(folders, cells.images, cells.cell_ids)
    return dict(train_on_vectors(cells, out, recipe, on_step, pictures_of=pictures_of).metrics)


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
