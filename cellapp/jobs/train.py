"""Job that trains a head on the cells of runs of a project and keeps it there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import Field

from cellapp.errors import InputError
from cellapp.jobs import queue, worker_process
from cellapp.jobs.make_vectors import make_vectors
from cellapp.pipeline.progress import no_progress
from cellapp.settings import FrozenModel, VectorSettings
from cellapp.store.heads import HeadRecord, add_head, head_name
from cellapp.store.images import list_images
from cellapp.store.projects import project_vectors
from cellapp.store.records import CONDITIONS, ImageRecord, JobRecord, RunRecord
from cellapp.store.runs import get_run
from cellapp.store.vectors import image_vectors
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.classifier.train_on_vectors import train_on_vectors
from cellapp.training.labelled_cells import (
    BY_IMAGE,
    ImageVectors,
    LabelledCells,
    image_names,
    label_cells,
    labels_by_column,
)
from cellapp.types.image import OnStep

TRAIN = "train"
BY_SLIDE = "slide"
"""Grouping by file: scenes and time points of one file are one group."""
GROUPINGS = (BY_IMAGE, BY_SLIDE, *CONDITIONS)
_VECTORS = 0.6  # share of the time until vectors are there, where they have to be made


class TrainRequest(FrozenModel):
    """What a head is trained on and how; the payload of the job."""

    project_id: str
    run_ids: tuple[str, ...] = Field(min_length=1)
    column: str
    """Column of the image table that says what the cells of an image are."""
    classes: dict[str, str] | None = None
    """Value of the column -> class; values that are not in it are left out. None takes the values as classes."""
    group_by: str = BY_IMAGE
    """One of `GROUPINGS`: what is held out together."""
    name: str
    """Of the head."""
    recipe: HeadRecipe = HeadRecipe()


def request_training(request: TrainRequest) -> JobRecord:
    """Queue the training of a head.

    Raises
    ------
    InputError
        When the name cannot be one, or a column is none of the image table; nothing is queued then.
    """
    head_name(request.name)
    _check(request)
    job = queue.submit(TRAIN, request.model_dump(mode="json"), request.project_id)
    worker_process.ensure_worker()
    return job


def train(request: TrainRequest, on_step: OnStep | None = None) -> HeadRecord:
    """Train a head and keep it in the project; started again after a kill it gives the same head.

    Parameters
    ----------
    request : TrainRequest
    on_step : callable, optional
        Progress; may raise `Cancelled`, then no head is kept.

    Raises
    ------
    InputError
        When the images say too little to train on, in one sentence.
    ModelError
        When vectors have to be made and the encoder cannot be had.
    """
    on_step = on_step or no_progress
    cells = cells_of_project(request, lambda step, part: on_step(step, _VECTORS * part))
    with TemporaryDirectory() as scratch:
        out = Path(scratch) / head_name(request.name)
        train_on_vectors(cells, out, request.recipe, lambda step, part: on_step(step, _VECTORS + 0.4 * part))
        return add_head(request.project_id, out)


def cells_of_project(request: TrainRequest, on_step: OnStep | None = None) -> LabelledCells:
    """Return the labelled cells that a request speaks of; vectors that are missing are made."""
    _check(request)
    runs = [get_run(run_id) for run_id in request.run_ids]
    for run in runs:
        make_vectors(run.id, on_step=on_step)
    records = {record.id: record for record in list_images(request.project_id)}
    images, record_of = _images(runs, records, project_vectors(request.project_id))
    values = {name: record.conditions.get(request.column, "") for name, record in record_of.items()}
    labels, left_out = labels_by_column(images, values, request.column, request.classes)
    groups = {name: group_of(record, request.group_by, name) for name, record in record_of.items()}
    return label_cells(images, labels, groups, request.group_by, left_out)


def group_of(record: ImageRecord, group_by: str, name: str) -> str:
    """Return the group of an image, empty where the image table does not say it.

    Parameters
    ----------
    record : ImageRecord
    group_by : str
        One of `GROUPINGS`.
    name : str
        Of the image, which is its group where images are.
    """
    if group_by == BY_IMAGE:
        return name
    return record.info.name if group_by == BY_SLIDE else record.conditions.get(group_by, "").strip()


def _check(request: TrainRequest) -> None:
    if request.column not in CONDITIONS:
        raise InputError(f"no column {request.column!r} in the image table; it has {', '.join(CONDITIONS)}")
    if request.group_by not in GROUPINGS:
        raise InputError(f"cells are grouped by one of {', '.join(GROUPINGS)}; got {request.group_by!r}")
    if request.group_by == request.column:
        raise InputError(f"{request.column!r} says the class and cannot be the group, too: each group would be a class")


def _images(
    runs: Sequence[RunRecord], records: Mapping[str, ImageRecord], settings: VectorSettings
) -> tuple[list[ImageVectors], dict[str, ImageRecord]]:
    """Return the vectors of all images of runs by name, and the record of each; images in the bin are left out."""
    images, record_of = [], {}
    names = image_names([[image.stem for image in run.images] for run in runs])
    for run, of_run in zip(runs, names, strict=True):
        for image, name in zip(run.images, of_run, strict=True):
            embeddings = image_vectors(run, image.image_id, settings) if image.image_id in records else None
            if embeddings is not None:
                images.append(ImageVectors(name, embeddings, settings))
                record_of[name] = records[image.image_id]
    if not images:
        raise InputError("no image of these runs has been analysed to its end; wait for it, or run again")
    return images, record_of
