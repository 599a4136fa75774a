"""Why one cell got its call, by example: the nearest training cells, and the most similar cell of another class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cellapp.classification.ensemble import Head
from cellapp.classification.head import LinearHead
from cellapp.classification.training_cells import read_training_cells
from cellapp.errors import InputError, ModelError
from cellapp.explanation.examples import nearest, usual_distance
from cellapp.types.cells import Embeddings

EXAMPLES = 6
"""Training cells shown."""
_SAME = 1e-3  # distance below which two vectors are of one cell, described in batches of other sizes


@dataclass(frozen=True, eq=False)
class Example:
    """A cell that is like the one asked about."""

    name: str  # file, or image and cell id
    label: str  # of a training cell the class it was given, of another cell its call
    distance: float  # in the usual distance between neighbours: below 1 is nearer than most
    picture: np.ndarray | None = None  # (S, S, 3) uint8, where a training cell has one
    stem: str = ""  # of a cell of the run: the folder of its image, and its id
    cell_id: int = 0


@dataclass(frozen=True, eq=False)
class Reasons:
    """What is known of one cell by example."""

    label: str  # its call
    nearest: tuple[Example, ...]
    why_none: str  # why there are no training cells, in a sentence; "" where there are
    n_training: int  # cells the head was trained on, of which some are kept
    n_kept: int
    other: Example | None  # the most similar cell of another class in this run; None where there is none

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values, without pictures; a distance that nobody can tell is None."""
        return {
            "label": self.label,
            "training_cells": [_json(one) for one in self.nearest],
            "no_training_cells": self.why_none,
            "n_training": self.n_training,
            "n_kept": self.n_kept,
            "most_similar_other": None if self.other is None else _json(self.other),
        }

    @property
    def sentences(self) -> list[str]:
        """What was found, for people."""
        said = [self.why_none] if self.why_none else [self._training_sentence]
        if self.other is None:
            return [*said, "No cell of this run is called otherwise."]
        away = f"{self.other.distance:.1f} times the usual distance between neighbours"
        return [
            *said,
            f"The most similar cell of another class is {self.other.name}, called {self.other.label}, {away}.",
        ]

    @property
    def _training_sentence(self) -> str:
        n_same = sum(one.label == self.label for one in self.nearest)
        kept = "" if self.n_kept == self.n_training else f" ({self.n_kept:,} of {self.n_training:,} are kept with it)"
        first = self.nearest[0]
        far = f"is {first.distance:.1f} times as far as training cells are from each other"
        if first.distance < _SAME:
            far = "has the same vector: the head was trained on this very cell"
        return (
            f"Of the {len(self.nearest)} training cells nearest to it {n_same} are {self.label}{kept}; the nearest, "
            f"{first.name}, {far}."
        )


def _json(one: Example) -> dict[str, Any]:
    distance = float(one.distance) if np.isfinite(one.distance) else None
    place = {"image": one.stem, "cell_id": one.cell_id} if one.stem else {}
    return {"name": one.name, "label": one.label, "distance": distance} | place


def reasons_by_example(
    tables: Mapping[str, pd.DataFrame],
    vectors_of: Callable[[str], Embeddings],
    stem: str,
    cell_id: int,
    head: Head,
    folder: Path,
) -> Reasons:
    """Find the cells that are like one, among the training cells and in the run.

    Distances are taken between vectors standardised as the head does.

    Parameters
    ----------
    tables : mapping of folder name to cell table
        Of the images of the run.
    vectors_of : callable
        Returns the vectors of an image as the head reads them.
    stem, cell_id
        The cell.
    head : LinearHead or EnsembleHead
    folder : Path
        Of the head, with the training cells that it keeps.

    Raises
    ------
    InputError
        When there is no such cell, or it was not classified.
    ModelError
        When the run has no vectors that the head reads.
    """
    if stem not in tables or cell_id not in tables[stem].index:
        raise InputError(f"no cell {cell_id} in image {stem!r} of this run; its ids are in cells.csv")
    label = str(tables[stem].loc[cell_id].get("label") or "")
    if not label:
        raise InputError(f"cell {cell_id} of {stem!r} has no class: it was rejected, or the run has no head")
    space = _space(head)
    vectors = {name: vectors_of(name) for name in tables}
    query = space.standardise(_row(vectors[stem], stem, cell_id)[None])[0]
    training, why, counts = _training(query, space, head, folder)
    return Reasons(label, training, why, *counts, _nearest_of_other_class(query, space, tables, vectors, label))


def _space(head: Head) -> LinearHead:
    """Return the head whose scale distances are taken in; of an ensemble that of its first member."""
    return head if isinstance(head, LinearHead) else head.members[0]


def _row(vectors: Embeddings, stem: str, cell_id: int) -> np.ndarray:
    at = np.flatnonzero(vectors.cell_ids == cell_id)
    if not len(at):
        raise ModelError(f"cell {cell_id} of {stem!r} has no vector; analyse the image again")
    return vectors.features[at[0]]


def _training(
    query: np.ndarray, space: LinearHead, head: Head, folder: Path
) -> tuple[tuple[Example, ...], str, tuple[int, int]]:
    cells = read_training_cells(folder) if folder.is_dir() else None
    if cells is None:
        why = "they are kept by heads trained with this version on frozen vectors, and come with the head's folder"
        return (), f"The training cells of {head.name} are not here: {why}.", (0, 0)
    if cells.features.shape[1] != len(query):
        return (), f"The training cells of {head.name} have vectors of another length.", (cells.n_all, 0)
    known = space.standardise(cells.features)
    unit = usual_distance(known)
    rows, away = nearest(query, known, EXAMPLES)
    pictures = cells.pictures
    examples = tuple(
        Example(cells.names[row], cells.labels[row], float(d / unit), None if pictures is None else pictures[row])
        for row, d in zip(rows, away, strict=True)
    )
    return examples, "", (cells.n_all, len(cells.labels))


def _nearest_of_other_class(
    query: np.ndarray,
    space: LinearHead,
    tables: Mapping[str, pd.DataFrame],
    vectors: Mapping[str, Embeddings],
    label: str,
) -> Example | None:
    """Return the cell of the run that is most similar among those called otherwise; unsure ones are called, too."""
    known = [(stem, int(i), row) for stem, found in vectors.items() for row, i in enumerate(found.cell_ids)]
    called = [str(tables[stem]["label"].get(i) or "") if "label" in tables[stem] else "" for stem, i, _ in known]
    others = [place for place, name in zip(known, called, strict=True) if name not in ("", label)]
    if not others:
        return None
    features = space.standardise(np.stack([vectors[stem].features[row] for stem, _, row in others]))
    everything = space.standardise(np.concatenate([found.features for found in vectors.values()]))
    (row,), (away,) = nearest(query, features, 1)
    stem, cell_id, _ = others[row]
    name = str(tables[stem].loc[cell_id, "label"])
    return Example(f"{stem}/{cell_id}", name, float(away / usual_distance(everything)), None, stem, cell_id)
