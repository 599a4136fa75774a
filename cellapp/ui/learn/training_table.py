"""What there is to train on: cells by value of a column of the image table, by class and by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from cellapp.jobs.training_cells import BY_SLIDE, group_of
from cellapp.store.records import CONDITIONS, ImageRecord, RunRecord, Status
from cellapp.training.labelled_cells import BY_IMAGE


@dataclass(frozen=True)
class TrainableImage:
    """An analysed image with what the image table says of it."""

    record: ImageRecord
    stem: str  # its folder in the run
    n_cells: int  # accepted ones


def accepted_cells(cells: pd.DataFrame) -> pd.DataFrame:
    """Return image_id and cell_id of the cells of a run that passed the quality rules: others have no vector."""
    return cells.loc[cells["qc_pass"].astype(bool), ["image_id", "cell_id"]]


def trainable_images(run: RunRecord, records: Sequence[ImageRecord], accepted: pd.DataFrame) -> list[TrainableImage]:
    """Return the finished images of a run that are still in the project.

    Parameters
    ----------
    run : RunRecord
    records : sequence of ImageRecord
        Of the project.
    accepted : DataFrame
        See `accepted_cells`.
    """
    by_id, n_of = {record.id: record for record in records}, accepted["image_id"].value_counts()
    return [
        TrainableImage(by_id[row.image_id], row.stem, int(n_of.get(row.image_id, 0)))
        for row in run.images
        if row.status is Status.DONE and row.image_id in by_id
    ]


def filled_columns(images: Sequence[TrainableImage]) -> list[str]:
    """Return the columns of the image table that say something of at least one image."""
    return [name for name in CONDITIONS if any(_value(image, name) for image in images)]


def groupings(images: Sequence[TrainableImage], column: str | None) -> list[str]:
    """Return what cells can be grouped by: images, files of several images, and filled columns other than `column`."""
    files = {image.record.info.name for image in images}
    slides = [BY_SLIDE] if len(files) < len(images) else []
    return [BY_IMAGE, *slides, *(name for name in filled_columns(images) if name != column)]


def value_table(images: Sequence[TrainableImage], column: str) -> pd.DataFrame:
    """Return one row per value of a column: value, images, cells and class, which is the value at first."""
    rows = [{"value": _value(image, column), "images": 1, "cells": image.n_cells} for image in images]
    table = pd.DataFrame(rows, columns=["value", "images", "cells"])
    table = table[table["value"] != ""].groupby("value", as_index=False, sort=True).sum()
    return table.assign(**{"class": table["value"]})


def class_of_value(table: pd.DataFrame) -> dict[str, str]:
    """Return value -> class of an edited `value_table`; values without a class are left out."""
    pairs = zip(table["value"], table["class"].fillna("").astype(str), strict=True)
    return {str(value): name.strip() for value, name in pairs if name.strip()}


def why_fewer(run: RunRecord, images: Sequence[TrainableImage], n_counted: int, word: str) -> str:
    """Say why fewer cells count than were found; empty where all do.

    Parameters
    ----------
    run : RunRecord
    images : sequence of TrainableImage
        All of the run.
    n_counted : int
        Cells with a class and a group.
    word : str
        What a group is called, "slide".
    """
    here, n_accepted = {image.record.id for image in images}, sum(image.n_cells for image in images)
    n_gone = sum(row.n_cells or 0 for row in run.images if row.image_id not in here)
    reasons = {
        "rejected by the quality rules": run.n_cells - n_gone - n_accepted,
        "in images that are in the bin": n_gone,
        f"disputed or without class or {word}": n_accepted - n_counted,
    }
    said = [f"{n:,} {why}" for why, n in reasons.items() if n > 0]
    return f"{n_counted:,} of the {run.n_cells:,} cells found count. Left out: {', '.join(said)}." if said else ""


def labels_by_image(labels: pd.DataFrame, accepted: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Count the labels of cells by image and class; cells about which people disagree count under no class.

    Parameters
    ----------
    labels : DataFrame
        See `cellapp.store.run_labels.RunLabels.table`.
    accepted : DataFrame
        See `accepted_cells`; labels of other cells do not count, for there is nothing to train on.
    """
    labels = labels.merge(accepted.astype({"cell_id": "int64"}), on=["image_id", "cell_id"])
    named = labels.assign(class_name=labels["class_name"].where(~labels["disputed"].astype(bool), ""))
    counts: dict[str, dict[str, int]] = {}
    for (image_id, name), n in named.groupby(["image_id", "class_name"]).size().items():
        counts.setdefault(image_id, {})[name] = int(n)
    return counts


def group_table(
    images: Sequence[TrainableImage],
    column: str | None,
    classes: Mapping[str, str],
    group_by: str,
    labels: Mapping[str, Mapping[str, int]] | None = None,
) -> pd.DataFrame:
    """Count cells by group (rows) and class (columns); cells without a class and images without a group do not count.

    Parameters
    ----------
    images : sequence of TrainableImage
    column : str, optional
    classes : mapping of value of the column to class
    group_by : str
    labels : mapping, optional
        From `labels_by_image`: these cells do not count by the column.
    """
    rows = []
    for image in images:
        group, own = group_of(image.record, group_by, image.record.name), (labels or {}).get(image.record.id, {})
        rows += [(group, name, n) for name, n in own.items()]
        if column is not None:
            others = max(image.n_cells - sum(own.values()), 0)
            rows.append((group, classes.get(_value(image, column), ""), others))
    rows = [row for row in rows if row[2]]
    table = pd.DataFrame(rows, columns=["group", "class", "cells"])
    table = table[(table["group"] != "") & (table["class"] != "")]
    if table.empty:
        return pd.DataFrame()
    return table.pivot_table(index="group", columns="class", values="cells", aggfunc="sum", fill_value=0).astype(int)


def _value(image: TrainableImage, column: str) -> str:
    return image.record.conditions.get(column, "").strip()
