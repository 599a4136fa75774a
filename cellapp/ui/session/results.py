"""The results of a run as one table over all its images, read from the run's folder.

Rows are numbered over the whole run: charts give row numbers back, while the session keeps ids of images and cells.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet
import streamlit as st

from cellapp.cells.counts import classes_of, outcome
from cellapp.classification.predict import rethreshold
from cellapp.exports.class_versions import ClassVersions, read_versions, version_table, with_classes
from cellapp.models.demonstration import demonstration_of_run
from cellapp.store.cells import manual_labels
from cellapp.store.records import RunImage, RunRecord, Status
from cellapp.store.runs import run_folder
from cellapp.ui.session.kept import kept

Value = TypeVar("Value")

COLUMNS = (
    *("cell_id", "centroid_y_px", "centroid_x_px", "bbox_y0_px", "bbox_x0_px", "bbox_y1_px", "bbox_x1_px"),
    *("area_px", "area_um2", "qc_pass", "qc_reason"),
    *("label", "margin", "set", "unsure", "unlike_training", "manual_label"),
)
"""Columns that pages read, besides the probabilities; the other measurements stay on disk."""

Version = tuple[tuple[str, int], ...]
"""Folder name and modification time (ns) of each image's table, which change whenever a result does."""


@dataclass(frozen=True, eq=False)
class Results:
    """A run and its cells, as far as its images are done."""

    run: RunRecord
    folder: Path
    version: Version
    cells: pd.DataFrame  # columns `COLUMNS` where they exist, p_<class>, image_id, image, stem; RangeIndex
    classes: tuple[str, ...]  # of the head; empty without one
    provenance: Mapping[str, Any]  # run.json of the first image that is done
    manual_classes: Mapping[str, Mapping[int, str]]  # image id -> cell id -> class; of the store, newer than the files
    classes_by: ClassVersions = field(default_factory=ClassVersions)  # the active one may be newer than the files

    @cached_property
    def version_key(self) -> str:
        """A text that changes whenever a file of the run or a manual class does."""
        by_hand = hash(json.dumps(self.manual_classes, sort_keys=True))
        return f"{self.run.id}/{hash(self.version)}/{self.classes_by.active_id}/{by_hand}"

    @cached_property
    def demonstration(self) -> str:
        """What the head was trained on where it is one for show, see `cellapp.models.demonstration`."""
        return demonstration_of_run(self.provenance)

    @property
    def done(self) -> set[str]:
        """Ids of the images with a result, which may be no cell."""
        stems = dict(self.version)
        return {image.image_id for image in self.run.images if image.stem in stems}

    def kept(self, what: str, *decided_by: Hashable, make: Callable[[], Value]) -> Value:
        """Return what is made of these results, see `cellapp.ui.session.kept.kept`."""
        return kept(what, self.version_key, self.demonstration, *decided_by, make=make)

    def called(self, threshold: float | None = None) -> pd.DataFrame:
        """Return the cells with an `outcome` column, at another threshold when one is given; nobody may change it."""
        threshold = self._threshold(threshold)
        return self.kept("called", threshold, make=lambda: self._called(threshold))

    def called_of(self, image_id: str, threshold: float | None = None) -> pd.DataFrame:
        """Return the rows of `called` that are of one image; nobody may change them."""
        cells, threshold = self.called(threshold), self._threshold(threshold)
        if len(self.version) == 1 and len(cells) and cells["image_id"].iloc[0] == image_id:
            return cells
        return self.kept("called of", image_id, threshold, make=lambda: cells[cells["image_id"] == image_id])

    def _threshold(self, threshold: float | None) -> float:
        return self.run.settings.classify.threshold if threshold is None else threshold

    def _called(self, threshold: float) -> pd.DataFrame:
        settings = self.run.settings.classify
        table = self.cells.copy(deep=False)
        if threshold != settings.threshold:
            by_set = settings.unsure == "conformal"
            margin = settings.unsure_margin
            table = rethreshold(table, self.classes, threshold=threshold, unsure_margin=margin, by_set=by_set)
        table["manual_label"] = self._manual_column()
        table["outcome"] = outcome(table)
        return table

    def _manual_column(self) -> np.ndarray:
        column = np.full(len(self.cells), "", dtype=object)
        for image_id, classes in self.manual_classes.items():
            rows = np.flatnonzero(self.cells["image_id"] == image_id)
            column[rows] = self.cells["cell_id"].iloc[rows].map(classes).fillna("")
        return column


def results_of(run: RunRecord) -> Results:
    """Read a run's finished images; those that wait, work or failed are not in the table."""
    folder = run_folder(run.id)
    done = [image for image in run.images if image.status is Status.DONE]
    paths = [(image, folder / image.stem / "cells.parquet") for image in done]
    paths = [(image, path) for image, path in paths if path.exists()]
    version = tuple((image.stem, path.stat().st_mtime_ns) for image, path in paths)
    known = read_versions(folder)
    cells = _cells(run.id, version, known.active_id, [image for image, _ in paths], folder)
    provenance = _shown_by(known, run_json(folder / paths[0][0].stem) if paths else {})
    return Results(run, folder, version, cells, classes_of(cells), provenance, manual_labels(run.id), known)


def _shown_by(known: ClassVersions, provenance: dict[str, Any]) -> dict[str, Any]:
    """Return run.json with the head whose classes are shown, which the files may still have to follow."""
    if known.active is None or not provenance:
        return provenance
    before = {name: value for name, value in provenance.items() if name != "demonstration"}
    settings = {**provenance["settings"], "classify": known.active.settings.model_dump(mode="json")}
    return {**before, **known.active.made_by, "settings": settings}


def run_json(folder: Path) -> dict[str, Any]:
    """Read run.json of one image; empty when it is not there."""
    path = folder / "run.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def condition_of(images: Mapping[str, Mapping[str, str]], key: str) -> dict[str, str]:
    """Return each image's value of one condition; images without it are "not given".

    Parameters
    ----------
    images : mapping of image id to its conditions
    key : str
    """
    return {image_id: str(conditions.get(key) or "not given") for image_id, conditions in images.items()}


@st.cache_resource(max_entries=4, show_spinner=False)
def _cells(
    run_id: str, version: Version, classes_by: str | None, _images: Sequence[RunImage], _folder: Path
) -> pd.DataFrame:
    # A resource, not data: 50,000 rows would be copied on every rerun. Nobody writes to it; `assign` makes new tables.
    tables = [_cell_table(image, _folder, classes_by) for image in _images]
    if not tables:
        return pd.DataFrame(
            {name: pd.Series(dtype=object) for name in (*COLUMNS[:1], "image_id", "image", "stem")}
        ).assign(qc_pass=pd.Series(dtype=bool))
    filled = [table for table in tables if len(table)] or tables[:1]
    return pd.concat(filled, ignore_index=True)


def _cell_table(image: RunImage, folder: Path, classes_by: str | None) -> pd.DataFrame:
    path = folder / image.stem / "cells.parquet"
    names = parquet.read_schema(path).names
    wanted = [name for name in names if name in COLUMNS or name.startswith("p_")]
    table = pd.read_parquet(path, columns=wanted)
    called = version_table(folder, classes_by, image.stem) if classes_by else None
    if called is not None:
        table = with_classes(table, called)
    if "cell_id" not in table:
        table = table.reset_index(names="cell_id")
    floats = table.select_dtypes(np.float64).columns
    table = table.astype({name: np.float32 for name in floats if not name.startswith(("p_", "margin"))})
    return table.assign(image_id=image.image_id, image=image.name, stem=image.stem)
