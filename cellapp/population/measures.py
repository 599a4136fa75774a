"""What is measured of wells: a share of a class, a number of cells, or the median of a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import nan

import numpy as np
import pandas as pd

from cellapp.errors import InputError
from cellapp.population.layout import Placed
from cellapp.population.screen import IMAGE_SEPARATOR, WELL_COLUMNS

CELLS = "cells"


@dataclass(frozen=True, eq=False)
class ImageCounts:
    """Cells of one image."""

    n_cells: int  # accepted by the quality filter
    n_of: Mapping[str, int] = field(default_factory=dict)  # class -> accepted, sure cells of it
    values: np.ndarray | None = None  # (N,) of the column that is measured, of accepted cells


def chosen_measure(wanted: str | None, classes: Sequence[str], columns: Sequence[str]) -> str:
    """Return what is measured.

    Parameters
    ----------
    wanted : str, optional
        See `cellapp.population.screen.ScreenSettings.measure`.
    classes : sequence of str
        Of the head, the positive one first; none without a head.
    columns : sequence of str
        Numbers that the cell table has.

    Raises
    ------
    InputError
        When it is none of these.
    """
    if wanted is None:
        return classes[0] if classes else CELLS
    if wanted not in (*classes, CELLS, *columns):
        known = ", ".join((*classes, CELLS))
        raise InputError(f"no measure {wanted!r}: give {known}, or a column of numbers: {', '.join(columns) or 'none'}")
    return wanted


def measure_words(measure: str, classes: Sequence[str]) -> str:
    """Say what is measured, as in "share of cancer"."""
    if measure in classes:
        return f"share of {measure}"
    return "cells per well" if measure == CELLS else f"median {measure}"


def well_table(
    images: Mapping[str, ImageCounts], placed: Mapping[str, Placed], measure: str, min_cells: int
) -> pd.DataFrame:
    """Put the images of each well together and measure it.

    Parameters
    ----------
    images : mapping of str to ImageCounts
        By the name of the image.
    placed : mapping of str to Placed
        Line of the layout of each image that has one; images of one plate and well are one row, others one each.
    measure : str
        From `chosen_measure`.
    min_cells : int
        A share or a median of fewer cells is NaN.

    Returns
    -------
    DataFrame
        With the columns of `cellapp.population.screen.WELL_COLUMNS`, in the order of plates and wells.
    """
    of_well: dict[tuple[str, object], list[str]] = {}
    for name, line in placed.items():
        of_well.setdefault((line.plate, line.well or name), []).append(name)
    rows = [
        _row(placed[names[0]], names, [images[name] for name in names], measure, min_cells)
        for names in of_well.values()
    ]
    table = pd.DataFrame(rows, columns=list(WELL_COLUMNS))
    return table.sort_values(["plate", "well", "images"], kind="stable", ignore_index=True)


def _row(line: Placed, names: list[str], images: list[ImageCounts], measure: str, min_cells: int) -> dict[str, object]:
    return {
        "plate": line.plate,
        "well": line.well.name if line.well else "",
        "images": IMAGE_SEPARATOR.join(names),
        "treatment": line.treatment,
        "dose": line.dose.value if line.dose else nan,
        "unit": line.dose.unit if line.dose else "",
        "control": line.control,
        "n_images": len(images),
        "n_cells": sum(image.n_cells for image in images),
        "value": _value(images, measure, min_cells),
    }


def _value(images: list[ImageCounts], measure: str, min_cells: int) -> float:
    if measure == CELLS:
        return float(sum(image.n_cells for image in images))
    if all(image.values is None for image in images):
        called = sum(sum(image.n_of.values()) for image in images)
        return sum(image.n_of.get(measure, 0) for image in images) / called if called >= min_cells else nan
    values = np.concatenate([image.values for image in images if image.values is not None])
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) >= min_cells else nan
