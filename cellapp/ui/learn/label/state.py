"""What the Label page works on: the cells of a run, their vectors, and what was said of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from cellapp.errors import StoreError
from cellapp.store.label_version import label_version
from cellapp.store.project_classes import ProjectClasses, project_classes
from cellapp.store.projects import project_vectors
from cellapp.store.records import ImageRecord, RunRecord
from cellapp.store.run_labels import RunLabels, labels_of_run
from cellapp.store.runs import get_run
from cellapp.store.vectors import kept_vectors, load_vectors
from cellapp.ui.components.label_desk import desk_state
from cellapp.ui.session.page_state import PageState
from cellapp.ui.session.results import Results


@dataclass(frozen=True, eq=False)
class CellRows:
    """The accepted cells of a run, those that can be labelled; rows count from 0."""

    table: pd.DataFrame  # N rows of `Results.cells`, RangeIndex
    keys: tuple[str, ...]  # N, "image id/cell id"
    row_of: Mapping[str, int]  # key -> row
    images: np.ndarray  # (N,) object, image ids


@dataclass(frozen=True, eq=False)
class Labelling:
    """Labels of `CellRows`, and how many there are."""

    labels: RunLabels
    of_row: np.ndarray  # (N,) object, class or ""
    counts: Mapping[str, int]  # labelled cells by class
    image_counts: Mapping[str, int]  # by image id
    classes: ProjectClasses


@dataclass(frozen=True, eq=False)
class LabelState:
    """What one rerun of the page shows."""

    page: PageState
    run: RunRecord
    results: Results
    images: Mapping[str, ImageRecord]  # finished ones that are still in the project
    rows: CellRows
    labelling: Labelling
    version: str  # of the labels
    vectors: np.ndarray | None  # (N, F); None where they are still to be made

    @property
    def classes(self) -> ProjectClasses:
        """Classes of the project, in the order of their keys."""
        return self.labelling.classes

    @property
    def who(self) -> str:
        """Name of the visitor, as the browser keeps it; "" before it was given."""
        return str(desk_state(self.run.id, "who") or "")


def read_state(page: PageState, run: RunRecord, results: Results) -> LabelState:
    """Read labels, classes and vectors of a run that has at least one finished image."""
    images = {image.id: image for image in page.images if image.id in results.done}
    rows = _rows(run.id, results.version, tuple(images), results)
    version = label_version(page.project.id)
    conditions = hash(tuple((image.id, *sorted(image.conditions.items())) for image in images.values()))
    labelling = _labelling(run.id, results.version, tuple(images), version, conditions, rows)
    settings = project_vectors(page.project.id)
    kept = tuple(sorted(kept_vectors(run.id, settings)))
    vectors = _vectors(run.id, results.version, tuple(images), settings.key, kept, rows)
    return LabelState(page, run, results, images, rows, labelling, version, vectors)


# Resources, not data: tens of thousands of rows would be copied on every rerun. Nobody writes to them.
@st.cache_resource(max_entries=3, show_spinner=False)
def _rows(run_id: str, version: object, image_ids: tuple[str, ...], _results: Results) -> CellRows:
    cells = _results.cells
    table = cells[cells["qc_pass"].astype(bool) & cells["image_id"].isin(image_ids)].reset_index(drop=True)
    keys = tuple(f"{image}/{cell}" for image, cell in zip(table["image_id"], table["cell_id"], strict=True))
    return CellRows(table, keys, {key: row for row, key in enumerate(keys)}, table["image_id"].to_numpy(object))


@st.cache_resource(max_entries=3, show_spinner=False)
def _labelling(
    run_id: str, version: object, image_ids: tuple[str, ...], labels: str, conditions: int, _rows: CellRows
) -> Labelling:
    # `labels`, the version of the labels, changes with the classes, too.
    found = labels_of_run(run_id)
    of_row = np.full(len(_rows.keys), "", dtype=object)
    for image_id, cell_id, name in found.table[["image_id", "cell_id", "class_name"]].itertuples(index=False):
        row = _rows.row_of.get(f"{image_id}/{cell_id}")
        if row is not None:
            of_row[row] = name
    labelled = of_row != ""
    counts = pd.Series(of_row[labelled], dtype=object).value_counts().to_dict()
    image_counts = pd.Series(_rows.images[labelled], dtype=object).value_counts().to_dict()
    as_numbers = [{key: int(n) for key, n in one.items()} for one in (counts, image_counts)]
    return Labelling(found, of_row, *as_numbers, project_classes(get_run(run_id).project_id))


@st.cache_resource(max_entries=2, show_spinner="Reading the vectors")
def _vectors(
    run_id: str, version: object, image_ids: tuple[str, ...], settings: str, kept: tuple[str, ...], _rows: CellRows
) -> np.ndarray | None:
    try:
        found = load_vectors(run_id)
    except StoreError:
        return None
    cells = zip(found.image_ids, found.cell_ids.tolist(), strict=True)
    row_of = {f"{image}/{cell}": row for row, (image, cell) in enumerate(cells)}
    rows = [row_of.get(key, -1) for key in _rows.keys]
    return found.embeddings.features[rows] if min(rows, default=0) >= 0 else None
