"""What the calls of a run rest on: one table per question, and sentences with their numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cellapp.evaluation.group_effects import MIN_GROUPS
from cellapp.explanation.compartments import AREA, NUCLEUS, OUTSIDE
from cellapp.explanation.descriptor_findings import (
    descriptor_sentences,
    descriptors,
    separation,
    separation_sentences,
)
from cellapp.explanation.finding_sentences import (
    channel_place_sentences,
    channel_sentences,
    place_sentences,
    removal_sentences,
)
from cellapp.explanation.finding_tables import IMAGE, channel_places, channels, needed, places, removals
from cellapp.explanation.removal import CALL

Make = Callable[[pd.DataFrame, str], pd.DataFrame]
Tell = Callable[[pd.DataFrame, str], Iterator[str]]

QUESTIONS: Mapping[str, tuple[Make, Tell]] = {
    "places": (places, place_sentences),
    "channels": (channels, channel_sentences),
    "channel_places": (channel_places, channel_place_sentences),
    "removals": (removals, removal_sentences),
    "descriptors": (descriptors, descriptor_sentences),
    "separation": (separation, separation_sentences),
}
"""What findings hold, by name: how the table is made of measurements, and how it is told."""

TITLES: Mapping[str, str] = {
    "places": "Places",
    "channels": "Channels",
    "channel_places": "Channels by place",
    "removals": "What calls need",
    "descriptors": "Descriptors of cytoskeleton and nucleus",
    "separation": "Without the head",
}
"""Headings for people, by the same names."""

_FILLED = 0.05  # share of the crop outside the cell below which its outline is that of the crop


@dataclass(frozen=True, eq=False)
class Findings:
    """What was found of the calls of a run, for one class."""

    target: str
    n_cells: int
    n_images: int
    tables: Mapping[str, pd.DataFrame]  # by the names of `QUESTIONS`
    sentences: Mapping[str, tuple[str, ...]]  # by the same names, in the order they are told
    notes: tuple[str, ...]  # what limits them: few images, no nuclei

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values; missing numbers are None."""
        tables = {name: _records(table) for name, table in self.tables.items()}
        counts = {"target": self.target, "n_cells": self.n_cells, "n_images": self.n_images}
        sentences = {name: list(said) for name, said in self.sentences.items()}
        return counts | {"sentences": sentences, "notes": list(self.notes), "tables": tables}


def findings(measured: pd.DataFrame, target: str, doubt: str = "") -> Findings:
    """Say what the calls of a run rest on.

    Parameters
    ----------
    measured : DataFrame
        A row per cell, as `cellapp.pipeline.explain_cells.explain_cells` measures it with parts removed, with the
        column ``stem``, the image, and, where somebody knows the class of cells, ``truth``, "" for others. Nothing
        depends on the order of rows.
    target : str
        Class explained.
    doubt : str
        What speaks against the maps, a sentence, which is kept first among the notes.

    Returns
    -------
    Findings
        Without tables where no cell was measured, or by an earlier version that measured less; a note says so.
    """
    lacking = needed(measured)
    if lacking or not len(measured):
        said = "Measured by an earlier version, which did not remove parts: measure again."
        note = said if lacking and len(measured) else "No cell of this run has a class, so there is nothing to find."
        return Findings(target, len(measured), 0, {}, {}, (note,))
    ordered = measured.reset_index().sort_values([IMAGE, "cell_id"], ignore_index=True)
    tables = {name: make(ordered, target) for name, (make, _) in QUESTIONS.items()}
    sentences = {name: tuple(QUESTIONS[name][1](table, target)) for name, table in tables.items()}
    n_images = int(ordered[IMAGE].nunique())
    notes = [*([doubt] if doubt else []), *_notes(ordered, target, n_images)]
    return Findings(target, len(ordered), n_images, tables, sentences, tuple(notes))


def _notes(measured: pd.DataFrame, target: str, n_images: int) -> list[str]:
    notes, n_called = [], int((measured[CALL] == target).sum())
    if n_images < MIN_GROUPS:
        images = "one image" if n_images == 1 else f"{n_images} images"
        notes.append(
            f"These are cells of {images}: intervals and tests are over cells, as if each were an experiment, and "
            f"promise too much; from {MIN_GROUPS} images on they are over images."
        )
    if not measured[AREA + NUCLEUS].notna().any():
        notes.append("No nuclei were found, or no channel shows them: nucleus and cytoplasm are not told apart.")
    if (measured[AREA + OUTSIDE].fillna(0) < _FILLED).mean() > 0.5:
        notes.append(
            "Most outlines fill their crops, as they do where a picture shows one cell and is taken for it: shares of "
            "cytoplasm, edge and outside say little then."
        )
    if n_called in (0, len(measured)):
        notes.append(
            f"All cells are called {'otherwise than ' if not n_called else ''}{target}: classes have no difference."
        )
    return notes


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    plain = table.astype(object).where(table.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]
