"""The labels of a project on the cells of one run: its own, those of other segmentations, and those of rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cellapp.labelling.agreement import Agreement, agreements
from cellapp.labelling.analysed_cells import AnalysedCells
from cellapp.labelling.matching import cells_at, match_outlines
from cellapp.labelling.outline import Outline
from cellapp.labelling.sources import rule_labels
from cellapp.labelling.words import last_words, words_table, words_that_count
from cellapp.store.images import get_image
from cellapp.store.label_rows import LabelRecord, cells_on_disk, run_cell_ids
from cellapp.store.label_rules import list_rules
from cellapp.store.labels import list_labels
from cellapp.store.records import Status
from cellapp.store.runs import get_run


@dataclass(frozen=True, eq=False)
class RunLabels:
    """What the labels of a project say about the cells of a run."""

    table: pd.DataFrame  # one row per labelled cell: `WORD_COLUMNS` and `disputed`, see `cellapp.labelling.words`
    words: pd.DataFrame  # one row per cell and person, so that people who disagree stand beside each other
    lost: tuple[LabelRecord, ...]  # labels of the run's images that found no cell in it

    @property
    def agreements(self) -> tuple[Agreement, ...]:
        """How far every two people who labelled the same cells agree."""
        return agreements(self.words)


def labels_of_run(run_id: str) -> RunLabels:
    """Return the labels of the finished images of a run.

    A label given on another segmentation goes to the cell that its outline overlaps with an intersection over union of
    at least one half, one to one; one that has no outline to the cell under its point. A rule counts where no person
    said anything.

    Raises
    ------
    StoreError
        There is no such run.
    """
    run = get_run(run_id)
    done = [image.image_id for image in run.images if image.status is Status.DONE]
    cell_ids = run_cell_ids(run_id)
    rows, lost = [], []
    labels = list_labels(run.project_id, done)
    for image_id in done:
        of_image = [label for label in labels if label.image_id == image_id]
        for label, cell_id in _cells_of_labels(run_id, image_id, of_image, set(cell_ids.get(image_id, ()))):
            if cell_id:
                rows.append(_word(label, cell_id))
            else:
                lost.append(label)
    words = last_words(_with_rules(words_table(rows), run.project_id, done, cell_ids))
    return RunLabels(words_that_count(words), words, tuple(lost))


def _cells_of_labels(
    run_id: str, image_id: str, labels: Sequence[LabelRecord], cell_ids: set[int]
) -> list[tuple[LabelRecord, int]]:
    """Return each label of an image with its cell in a run, 0 where it has none."""
    own = [label for label in labels if label.run_id == run_id and label.cell_id in cell_ids]
    others = [label for label in labels if not (label.run_id == run_id and label.cell_id in cell_ids)]
    found = [(label, label.cell_id or 0) for label in own]
    target = cells_on_disk(run_id, image_id) if others else None
    if target is None:
        return found + [(label, 0) for label in others]
    for source in dict.fromkeys(label.run_id for label in others):
        found += _of_segmentation([label for label in others if label.run_id == source], source, image_id, target)
    return found


def _of_segmentation(
    labels: Sequence[LabelRecord], run_id: str | None, image_id: str, target: AnalysedCells
) -> list[tuple[LabelRecord, int]]:
    """Return the labels of one other segmentation with their cells; people may have labelled the same of its cells."""
    outlines = _outlines(labels, run_id, image_id)
    matched = match_outlines(list(outlines.values()), target.read, target.area_px, target.shape)
    cell_of = dict(zip(outlines, matched.tolist(), strict=True))
    points = cells_at([(label.y_px, label.x_px) for label in labels], target.read, target.shape)
    return [
        (label, cell_of[label.cell_id] if label.cell_id in cell_of else int(point))
        for label, point in zip(labels, points, strict=True)
    ]


def _outlines(labels: Sequence[LabelRecord], run_id: str | None, image_id: str) -> dict[int, Outline]:
    """Return the outlines of labelled cells: as kept with the label or, where none was, from the files of their run."""
    outlines = {label.cell_id: label.outline for label in labels if label.outline and label.cell_id is not None}
    missing = {label.cell_id for label in labels if label.cell_id is not None} - outlines.keys()
    source = cells_on_disk(run_id, image_id) if missing and run_id else None
    present = missing & set(source.table.index) if source else set()
    return outlines | {cell_id: source.outline(cell_id) for cell_id in sorted(present)}


def _word(label: LabelRecord, cell_id: int) -> tuple:
    return (label.image_id, cell_id, label.class_name, label.who, label.source.value, label.created, label.id)


def _with_rules(
    words: pd.DataFrame, project_id: str, image_ids: Sequence[str], cell_ids: dict[str, list[int]]
) -> pd.DataFrame:
    """Add the labels of rules for the cells about which no person said anything."""
    rules = list_rules(project_id)
    if not rules:
        return words
    conditions = {image_id: get_image(image_id).conditions for image_id in image_ids}
    expanded = rule_labels(rules, conditions, cell_ids)
    said = pd.MultiIndex.from_frame(words[["image_id", "cell_id"]])
    unsaid = ~pd.MultiIndex.from_frame(expanded[["image_id", "cell_id"]]).isin(said)
    return pd.concat([part for part in (words, expanded[np.asarray(unsaid)]) if len(part)] or [words])
