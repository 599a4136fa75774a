"""What a head of a project is trained on: the labelled cells of its runs, and the images they can be cut from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pydantic import Field

from cellapp.errors import InputError
from cellapp.jobs.evaluations import images_of_runs
from cellapp.jobs.make_vectors import make_vectors
from cellapp.models.bundle import RunModels
from cellapp.pipeline.context import ImageContext, make_context
from cellapp.settings import FrozenModel, VectorSettings
from cellapp.store.images import list_images
from cellapp.store.open_image import open_slide
from cellapp.store.projects import project_vectors
from cellapp.store.records import CONDITIONS, ImageRecord, RunRecord
from cellapp.store.run_labels import labels_of_run
from cellapp.store.runs import get_run, run_folder
from cellapp.store.vectors import image_vectors
from cellapp.training.cell_images import CellImage
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.label_sources import GivenLabels, add_given_labels, labels_by_column
from cellapp.training.labelled_cells import (
    BY_IMAGE,
    ImageVectors,
    LabelledCells,
    image_names,
    label_cells,
)
from cellapp.types.image import OnStep, Slide

BY_SLIDE = "slide"
"""Grouping by file: scenes and time points of one file are one group."""
GROUPINGS = (BY_IMAGE, BY_SLIDE, *CONDITIONS)


class TrainChoice(FrozenModel):
    """What a head is trained on and how, within a project."""

    run_ids: tuple[str, ...] = Field(min_length=1)
    column: str | None = None
    """Column of the image table that says what the cells of an image are; None for none."""
    classes: dict[str, str] | None = None
    """Value of the column -> class; values that are not in it are left out. None takes the values as classes."""
    cell_labels: bool = False
    """Whether the labels of single cells (by hand, imported, by rules) count; they win over the column."""
    group_by: str = BY_IMAGE
    """What is held out together: "image", "slide", or a column of the image table."""
    name: str
    """Of the head."""
    recipe: HeadRecipe = HeadRecipe()


class TrainRequest(TrainChoice):
    """What a head of a project is trained on and how; the payload of the job."""

    project_id: str
    work: str = Field("", pattern="^[0-9a-f]*$")
    """Name of the folder in which a fine-tuning goes on after a kill; `request_training` gives it."""


def cell_images(run_ids: Sequence[str]) -> dict[str, CellImage]:
    """Return the images of runs, to cut cells from, by the names that `cells_of_project` gives them."""
    known = images_of_runs([get_run(run_id) for run_id in run_ids])
    return {
        name: CellImage(run_folder(run.id) / image.stem, partial(_open, run, image.image_id))
        for name, (run, image) in known.items()
    }


def cell_slides(run_ids: Sequence[str]) -> dict[str, Callable[[], Slide]]:
    """Return what opens the images of runs, by the names that `cells_of_project` gives them."""
    known = images_of_runs([get_run(run_id) for run_id in run_ids])
    return {name: partial(open_slide, image.image_id) for name, (_, image) in known.items()}


def _open(run: RunRecord, image_id: str, models: RunModels) -> ImageContext:
    return make_context(open_slide(image_id), None, models, run.settings)


def cells_of_project(request: TrainRequest, on_step: OnStep | None = None) -> LabelledCells:
    """Return the labelled cells that a request speaks of; vectors that are missing are made."""
    check_request(request)
    runs = [get_run(run_id) for run_id in request.run_ids]
    for run in runs:
        make_vectors(run.id, on_step=on_step)
    records = {record.id: record for record in list_images(request.project_id)}
    known = _images(runs, records, project_vectors(request.project_id))
    images = [image.vectors for image in known]
    labels, left_out = _labels(request, known)
    groups = {image.vectors.name: group_of(image.record, request.group_by, image.vectors.name) for image in known}
    return label_cells(images, labels, groups, request.group_by, left_out)


@dataclass(frozen=True, eq=False)
class _Image:
    """An image that may be trained on."""

    vectors: ImageVectors
    record: ImageRecord
    run_id: str  # that the vectors are of


def _labels(request: TrainRequest, known: Sequence[_Image]) -> tuple[dict[str, dict[int, str]], list[str]]:
    """Return the classes of cells by name of the image, and a sentence for what has none."""
    images = [image.vectors for image in known]
    labels: dict[str, dict[int, str]] = {}
    left_out: list[str] = []
    if request.column is not None:
        values = {image.vectors.name: image.record.conditions.get(request.column, "") for image in known}
        labels, left_out = labels_by_column(images, values, request.column, request.classes)
    if not request.cell_labels:
        return labels, left_out
    return add_given_labels(images, labels, left_out, _given_labels(known))


def _given_labels(known: Sequence[_Image]) -> GivenLabels:
    """Return what people said about the cells of images, by name of the image."""
    name_of = {(image.run_id, image.record.id): image.vectors.name for image in known}
    classes: dict[str, dict[int, str]] = {}
    disputed: dict[str, set[int]] = {}
    for run_id in dict.fromkeys(image.run_id for image in known):
        for row in labels_of_run(run_id).table.itertuples():
            name = name_of.get((run_id, row.image_id))
            if name is not None and row.disputed:
                disputed.setdefault(name, set()).add(row.cell_id)
            elif name is not None:
                classes.setdefault(name, {})[row.cell_id] = row.class_name
    return GivenLabels(classes, disputed)


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


def check_request(request: TrainRequest) -> None:
    """Raise InputError for a request that can never work."""
    if request.column is None and not request.cell_labels:
        raise InputError("training needs to know what cells are: name a column of the image table, or take the labels")
    if request.column is not None and request.column not in CONDITIONS:
        raise InputError(f"no column {request.column!r} in the image table; it has {', '.join(CONDITIONS)}")
    if request.group_by not in GROUPINGS:
        raise InputError(f"cells are grouped by one of {', '.join(GROUPINGS)}; got {request.group_by!r}")
    if request.group_by == request.column:
        raise InputError(f"{request.column!r} says the class and cannot be the group, too: each group would be a class")


def _images(runs: Sequence[RunRecord], records: Mapping[str, ImageRecord], settings: VectorSettings) -> list[_Image]:
    """Return all images of runs that have vectors; those in the bin are left out.

    An image of two runs is taken from the first: its cells would stand on both sides of a split.
    """
    images: list[_Image] = []
    taken: set[str] = set()
    names = image_names([[image.stem for image in run.images] for run in runs])
    for run, of_run in zip(runs, names, strict=True):
        for image, name in zip(run.images, of_run, strict=True):
            known = image.image_id in records and image.image_id not in taken
            embeddings = image_vectors(run, image.image_id, settings) if known else None
            if embeddings is not None:
                taken.add(image.image_id)
                vectors = ImageVectors(name, embeddings, settings)
                images.append(_Image(vectors, records[image.image_id], run.id))
    if not images:
        raise InputError("no image of these runs has been analysed to its end; wait for it, or run again")
    return images
