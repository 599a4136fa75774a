"""Job that trains a head on the cells of runs of a project and keeps it there."""

from __future__ import annotations

from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from uuid import uuid4

from cellapp.classification.cell_columns import default_positive
from cellapp.classification.head_io import DESCRIPTION
from cellapp.errors import InputError
from cellapp.jobs import queue, worker_process
from cellapp.jobs.evaluations import remember_evaluation
from cellapp.jobs.training_cells import TrainRequest, cell_images, cell_slides, cells_of_project, check_request
from cellapp.jobs.training_folder import training_folder
from cellapp.pipeline.progress import no_progress
from cellapp.store.heads import HeadRecord, add_head
from cellapp.store.kept_models import model_name
from cellapp.store.project_classes import positive_among
from cellapp.store.projects import get_project
from cellapp.store.records import JobRecord
from cellapp.store.runs import get_run, get_shown_run
from cellapp.training.classifier.interrupted import OtherTraining
from cellapp.training.classifier.keep_cells import pictures_of_runs
from cellapp.training.classifier.of_cells import check_choices
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.classifier.train_on_vectors import train_on_vectors
from cellapp.training.classifier.tune_on_cells import tune_on_cells
from cellapp.training.classifier.write_fitted import CHECKPOINTS
from cellapp.training.labelled_cells import LabelledCells
from cellapp.types.image import OnStep

TRAIN = "train"
_VECTORS = 0.6  # share of the time until vectors are there, where they have to be made


def request_training(request: TrainRequest) -> JobRecord:
    """Queue the training of a head.

    Raises
    ------
    InputError
        When the name cannot be one, a column is none of the image table, a run is of another project, or the recipe
        chooses what the vectors of the project have decided; nothing is queued then.
    StoreError
        When the project or a run is not there.
    """
    model_name(request.name, "head")
    project = get_project(request.project_id)
    strange = [run_id for run_id in request.run_ids if get_shown_run(run_id).project_id != project.id]
    if strange:
        raise InputError(f"run {strange[0]!r} is of another project; train on runs of {project.name!r}")
    check_request(request)
    check_choices(request.recipe, "the project")
    if request.recipe.mode == "finetune":
        request = request.model_copy(update={"work": uuid4().hex})
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
    if request.recipe.mode == "finetune":
        return _fine_tune(request, on_step)
    cells = cells_of_project(request, lambda step, part: on_step(step, _VECTORS * part))
    with TemporaryDirectory() as scratch:
        out = Path(scratch) / model_name(request.name, "head")
        folders = {name: image.folder for name, image in cell_images(request.run_ids).items()}
        train_on_vectors(
            cells,
            out,
            _recipe(request, cells),
            lambda step, part: on_step(step, _VECTORS + 0.4 * part),
            pictures_of=pictures_of_runs(folders, cells.images, cells.cell_ids, cell_slides(request.run_ids)),
        )
        return _keep(request, out)


def _fine_tune(request: TrainRequest, on_step: OnStep) -> HeadRecord:
    """Train the encoder, too, on crops of the images of the runs; a training that was killed goes on."""
    with training_folder(request.work) as folder:
        out = folder / model_name(request.name, "head")
        if not (out / DESCRIPTION).is_file() or (out / CHECKPOINTS).exists():
            cells = cells_of_project(request, lambda step, part: on_step(step, 0.0))
            recipe = _recipe(request, cells)
            try:
                tune_on_cells(cells, cell_images(request.run_ids), out, recipe, on_step)
            except OtherTraining:  # somebody relabelled cells meanwhile
                rmtree(out)
                tune_on_cells(cells, cell_images(request.run_ids), out, recipe, on_step)
        return _keep(request, out)


def _recipe(request: TrainRequest, cells: LabelledCells) -> HeadRecipe:
    """Return the recipe, with the positive class of the project where it names none and would take another."""
    classes = sorted(set(cells.labels))
    if request.recipe.positive is not None or not classes:
        return request.recipe
    declared = positive_among(request.project_id, classes)
    return request.recipe.model_copy(update={"positive": None if declared == default_positive(classes) else declared})


def _keep(request: TrainRequest, folder: Path) -> HeadRecord:
    """Keep a head in the project, and remember what it was scored on, which stays when the head goes."""
    head = add_head(request.project_id, folder)
    remember_evaluation([get_run(run_id) for run_id in request.run_ids], head.folder)
    return head
