"""Fractions of classes in the images of runs, from their cell tables and the held-out calls of the head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from cellapp.errors import InputError
from cellapp.evaluation.held_out_calls import HeldOutCalls, read_held_out
from cellapp.evaluation.mixtures import mixture_rmse
from cellapp.evaluation.quantification import METHODS, Quantifier
from cellapp.exports.run_json import read_run, require_analysed
from cellapp.exports.tables import read_cells
from cellapp.text_table import read_table

CELLS, RUN = "cells.parquet", "run.json"
CONDITION = "condition"


@dataclass(frozen=True)
class KnownMixtures:
    """What is known of images by their names: composition, condition or both."""

    shares: Mapping[str, np.ndarray]  # image -> (K,) fractions
    conditions: Mapping[str, str]  # image -> condition


def quantify_runs(folders: Sequence[str | Path], head: str | Path, known: str | Path | None = None) -> dict[str, Any]:
    """Estimate the fraction of each class per image, per condition and in all images.

    Parameters
    ----------
    folders : sequence of str or Path
        Where `python -m cellapp analyse` wrote, or folders of single images in there; all analysed with `head`.
    head : str or Path
        Folder of the head, with its held-out calls.
    known : str or Path, optional
        Table with the column ``image``, and a column per class with the known ratio or ``condition``.

    Returns
    -------
    dict
        Plain JSON values: ``head``, ``n_cells`` (image -> number of classified cells), ``images`` (image -> class ->
        plain, adjusted, em, low, high; see `Quantifier.estimate`), ``conditions`` (the same), ``all``, and ``rmse``
        (method -> error against the known ratios) where there are any.

    Raises
    ------
    InputError
        When there is no analysed image, one was analysed with another head, or the table cannot be used.
    """
    calls = read_held_out(head)
    cells = {name: probabilities_of_image(folder, calls) for name, folder in images_of_runs(folders).items()}
    facts = _read_known(Path(known), calls.classes, cells) if known else KnownMixtures({}, {})
    return quantify_images(calls, cells, facts)


def quantify_images(calls: HeldOutCalls, cells: Mapping[str, np.ndarray], facts: KnownMixtures) -> dict[str, Any]:
    """Estimate fractions from what a head said of the cells of images.

    Parameters
    ----------
    calls : HeldOutCalls
        Of the head.
    cells : mapping of str to ndarray of shape (N, K)
        Image -> probabilities of its accepted cells.
    facts : KnownMixtures

    Returns
    -------
    dict
        See `quantify_runs`.

    Raises
    ------
    InputError
        When the head has too few held-out cells or groups for it.
    """
    quantifier = Quantifier(calls)
    images = {name: quantifier.estimate([p]) for name, p in cells.items()}
    result = {
        "head": calls.head,
        "n_cells": {name: len(p) for name, p in cells.items()},
        "images": images,
        "conditions": {
            condition: quantifier.estimate([p for name, p in cells.items() if facts.conditions.get(name) == condition])
            for condition in dict.fromkeys(facts.conditions.values())
        },
        "all": quantifier.estimate(list(cells.values())),
    }
    return result | ({"rmse": _errors(images, facts, calls.classes)} if facts.shares else {})


def images_of_runs(folders: Sequence[str | Path]) -> dict[str, Path]:
    """Return the folder of each analysed image by its name; of two of one name with the run before it.

    Parameters
    ----------
    folders : sequence of str or Path
        Folders of runs, or of single images in them.

    Raises
    ------
    InputError
        When a folder has no analysed image.
    """
    found = []
    for folder in map(Path, folders):
        found += [folder] if (folder / CELLS).is_file() else require_analysed(folder)
    found = list(dict.fromkeys(path.resolve() for path in found))
    names = [path.name for path in found]
    return {p.name if names.count(p.name) == 1 else f"{p.parent.name}/{p.name}": p for p in found}


def probabilities_of_image(folder: Path, calls: HeldOutCalls) -> np.ndarray:
    """Return what the head said of the accepted cells of an image, (N, K)."""
    used = read_run(folder / RUN).get("head")
    if used != calls.head:
        raise InputError(
            f"{folder} was analysed with the head {used or 'none'}, not with {calls.head}; analyse it again with "
            "--head, or give the head it was analysed with"
        )
    cells = read_cells(folder / CELLS)
    columns = [f"p_{name}" for name in calls.classes]
    if not set(columns) <= set(cells.columns):
        return np.zeros((0, len(columns)))
    return cells.loc[cells["qc_pass"].astype(bool), columns].dropna().to_numpy(float)


def _read_known(path: Path, classes: Sequence[str], images: Mapping[str, Any]) -> KnownMixtures:
    table = read_table(path, ["image"], [CONDITION, *classes])
    given = [name for name in classes if name in table]
    if not given and CONDITION not in table:
        raise InputError(f"{path} has neither a column {CONDITION!r} nor one of {', '.join(map(repr, classes))}")
    shares, conditions = {}, {}
    for line, row in table.iterrows():
        image = image_named(row["image"], images)
        if image is None:
            raise InputError(f"{path}, line {line}: no image {row['image']!r}; there are {', '.join(images)}")
        if any(row[name] for name in given):
            shares[image] = _ratio(row, classes, f"{path}, line {line}")
        if CONDITION in table and row[CONDITION]:
            conditions[image] = row[CONDITION]
    return KnownMixtures(shares, conditions)


def image_named(name: str, images: Mapping[str, Any]) -> str | None:
    """Return the image that a table means by a name, with or without path and suffix; None where there is none."""
    written = PurePosixPath(name.replace("\\", "/")).name
    stems = (name, written, written.partition(".")[0], PurePosixPath(written).stem)
    return next((stem for stem in stems if stem in images), None)


def _ratio(row: pd.Series, classes: Sequence[str], where: str) -> np.ndarray:
    """Return the ratio written in a line as fractions; classes without a column or a number have none."""
    try:
        parts = np.array([float(row.get(name) or 0) for name in classes])
    except ValueError as error:
        raise InputError(f"{where}: {error}; write a ratio as one number per class") from error
    if not np.isfinite(parts).all() or parts.min() < 0 or not parts.sum():
        raise InputError(f"{where}: a ratio has numbers of 0 and more, one of them above 0")
    return parts / parts.sum()


def _errors(images: Mapping[str, Any], facts: KnownMixtures, classes: Sequence[str]) -> dict[str, float | None]:
    """Return the RMSE of each method over images of known composition that have cells."""
    names = [name for name in facts.shares if images[name][classes[0]]["plain"] is not None]
    known = [facts.shares[name] for name in names]
    return {
        method: mixture_rmse([[images[name][c][method] for c in classes] for name in names], known) if names else None
        for method in METHODS
    }
