"""First step of Train: which cells, what they are, and what is held out together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import pandas as pd
import streamlit as st

from cellapp.evaluation.group_words import group_word
from cellapp.exports.report.words import counted
from cellapp.labelling.sources import LabelSource
from cellapp.store.label_version import label_version
from cellapp.store.records import RunRecord
from cellapp.store.run_labels import RunLabels, labels_of_run
from cellapp.ui.components.forms import label
from cellapp.ui.components.messages import capital, escape
from cellapp.ui.layout.frame import LABEL_PAGE, UPLOAD_PAGE
from cellapp.ui.learn.positive_class import choose_positive
from cellapp.ui.learn.training_table import (
    TrainableImage,
    accepted_cells,
    class_of_value,
    filled_columns,
    group_table,
    groupings,
    labels_by_image,
    trainable_images,
    value_table,
    why_fewer,
)
from cellapp.ui.session.page_state import PageState
from cellapp.ui.session.results import results_of

_SOURCES = {LabelSource.HAND: "by hand", LabelSource.TABLE: "imported", LabelSource.CLUSTER: "by cluster"}


@dataclass(frozen=True, eq=False)
class What:
    """Cells to train on."""

    run: RunRecord
    column: str | None
    classes: dict[str, str]  # value of the column -> class
    cell_labels: bool  # whether labels of single cells count
    group_by: str
    positive: str | None
    counts: pd.DataFrame = field(default_factory=pd.DataFrame)  # cells by group (rows) and class (columns)

    @property
    def n_cells(self) -> int:
        """Cells with a class and a group."""
        return int(self.counts.to_numpy().sum()) if len(self.counts) else 0

    @property
    def line(self) -> str:
        """All of it in one line."""
        names = ", ".join(str(name) for name in self.counts.columns) or "no class"
        n = len(self.counts)
        cells = (
            counted(self.n_cells, "cell")
            if self.n_cells == self.run.n_cells
            else f"{self.n_cells:,} of {self.run.n_cells:,} cells"
        )
        return f"What: {cells} of {self.run.name}, {names}, {n:,} {group_word(self.group_by, n)}"


def what_step(page: PageState, runs: Sequence[RunRecord]) -> What | None:
    """Draw the choice of cells; None where neither a condition nor a label says what any cell is.

    Parameters
    ----------
    page : PageState
    runs : sequence of RunRecord
        At least one, each with a finished image.
    """
    run = _run(page, runs)
    accepted = accepted_cells(results_of(run).cells)
    images = trainable_images(run, page.images, accepted)
    columns, given = filled_columns(images), given_labels(run)
    if not columns and given.table.empty:
        _nothing_known()
        return None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        column = _column(images, columns, set(given.table["class_name"]))
        group_by = _grouping(images, column)
    by_cell = _cell_labels(given, required=column is None)
    classes = _classes(images, run, column) if column else {}
    labels = labels_by_image(given.table, accepted) if by_cell else None
    counts = group_table(images, column, classes, group_by, labels)
    _counts(counts, group_by)
    positive = choose_positive(run.project_id, tuple(str(name) for name in counts.columns))
    what = What(run, column, classes, by_cell, group_by, positive, counts)
    if why := why_fewer(run, images, what.n_cells, group_word(group_by, 1)):
        st.caption(escape(why))
    return what


def given_labels(run: RunRecord) -> RunLabels:
    """Return what people and rules said about the cells of a run, read again when anything was said since."""
    return _given_labels(run.id, run.n_cells, label_version(run.project_id))


@st.cache_data(max_entries=4, show_spinner=False)
def _given_labels(run_id: str, _n_cells: int, version: str) -> RunLabels:
    return labels_of_run(run_id)


def _nothing_known() -> None:
    st.info(
        "Nothing says yet what these cells are. Type it into the image table on Upload, for example the cell line of "
        "each image, or label some cells, then come back.",
        icon=":material/edit_note:",
    )
    with st.container(horizontal=True):
        st.page_link(UPLOAD_PAGE, label="Go to Upload", icon=":material/arrow_forward:", width="content")
        st.page_link(LABEL_PAGE, label="Label cells", icon=":material/arrow_forward:", width="content")


def _column(images: Sequence[TrainableImage], columns: Sequence[str], labelled: Collection[str]) -> str | None:
    """Draw the choice of a column; where labels are there none may be chosen.

    None is chosen at first where no column tells cells apart, or labels do with classes that are none of its values:
    both together would make a head that calls a cell "cancer" or "treated".
    """
    options: list[str | None] = [*columns, None] if labelled else [*columns]
    values = {name: set(value_table(images, name)["value"]) for name in columns}
    telling = [name for name in columns if len(values[name]) > 1]
    others = len(labelled) > 1 and bool(telling) and values[telling[0]].isdisjoint(labelled)
    return st.selectbox(
        "What the cells are, by column",
        options,
        index=options.index(telling[0]) if telling and not others else len(options) - 1,
        format_func=lambda name: label(name) if name else "No column, labels only",
        key="train_column",
        width=240,
    )


def _cell_labels(given: RunLabels, *, required: bool) -> bool:
    """Draw what was said about single cells, and whether it counts."""
    if given.table.empty:
        return False
    counts = given.table["source"].map(_SOURCES).fillna("by rules").value_counts()
    parts = ", ".join(f"{n:,} {kind}" for kind, n in counts.items())
    used = st.checkbox(
        f"Labels of single cells: {parts}",
        value=True,
        disabled=required,
        key="train_cell_labels",
        help="Where a label and the column speak of one cell, the label counts.",
    )
    n_disputed = int(given.table["disputed"].sum())
    notes = [f"people disagree about {n_disputed:,}, which are left out"] if n_disputed else []
    notes += [f"{len(given.lost):,} found no cell in this run"] if given.lost else []
    if notes:
        st.caption(f"Of the labels {' and '.join(notes)}.")
    return used or required


def _run(page: PageState, runs: Sequence[RunRecord]) -> RunRecord:
    ids = [run.id for run in runs]
    names = {
        run.id: f"{run.name}, {counted(run.n_cells, 'cell')} found in {counted(run.n_done, 'image')}" for run in runs
    }
    first = ids.index(page.run.id) if page.run and page.run.id in ids else 0
    chosen = st.selectbox("Cells of", ids, index=first, format_func=names.get, key="train_run", width=500)
    return next(run for run in runs if run.id == chosen)


def _grouping(images: Sequence[TrainableImage], column: str | None) -> str:
    return st.selectbox(
        "Test on unseen",
        groupings(images, column),
        format_func=lambda name: capital(group_word(name, 2)),
        key="train_group",
        width=240,
        help="Cells of one image, slide or batch look alike. A score is honest where the test holds whole ones out.",
    )


def _classes(images: Sequence[TrainableImage], run: RunRecord, column: str) -> dict[str, str]:
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    edited = st.data_editor(
        value_table(images, column),
        key=f"train_classes_{run.id}_{column}",
        hide_index=True,
        disabled=["value", "images", "cells"],
        column_config={
            "value": text(label(column), width=180),
            "images": number("Images", format="localized", width=70),
            "cells": number("Cells", format="localized", width=70),
            "class": text(
                "Class", width=130, help="Two values may share a class; an empty class leaves them out.", max_chars=100
            ),
        },
        alt="Values of the column and the class that each stands for",
    )
    return class_of_value(edited)


def _counts(counts: pd.DataFrame, group_by: str) -> None:
    if counts.empty:
        st.warning("No image has both a class and a group.", icon=":material/warning:")
        return
    st.caption(f"Cells per class and {escape(group_word(group_by, 1))}")
    named = counts.rename_axis(index=capital(group_word(group_by, 1)))
    st.dataframe(named, alt="Cells per class and group")
    alone = [str(name) for name in counts.columns if (counts[name] > 0).sum() < 2]
    if len(counts.columns) > 1 and alone:
        st.warning(
            f"{escape(' and '.join(alone))}: from one {escape(group_word(group_by, 1))} only, so that no score can be "
            "trusted. A head can be trained; photograph a second one to learn how good it is.",
            icon=":material/warning:",
        )
