"""Fine-tune an encoder with its head on cells of analysed images, cut from the images again, and write both."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cellapp.errors import InputError, ModelError
from cellapp.models.bundle import load_models_to_embed
from cellapp.training.cell_images import CellImage, cut_planes
from cellapp.training.classifier.labelled_vectors import LabelledVectors
from cellapp.training.classifier.of_cells import as_dataset, recipe_for, spec_of_cells
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.classifier.write_fitted import CHECKPOINTS, TrainedHead, whole, write_fitted
from cellapp.training.labelled_cells import LabelledCells
from cellapp.types.image import OnStep


def tune_on_cells(
    cells: LabelledCells, images: Mapping[str, CellImage], out: Path, recipe: HeadRecipe, on_step: OnStep
) -> TrainedHead:
    """Train the last blocks of the encoder that made the vectors of cells, together with a head.

    Parameters
    ----------
    cells : LabelledCells
        Their vectors give the head that training begins with, and the score of the frozen encoder beside.
    images : mapping of image name to CellImage
    out : Path
        Gets the files of `cellapp.training.classifier.train.train_head`; its name is the head's. What was interrupted
        goes on from the checkpoints in it and ends with the same weights.
    recipe : HeadRecipe
        `cellapp.training.classifier.of_cells.OF_VECTORS` are taken from how the vectors were made.
    on_step : callable
        Progress; may raise `Cancelled`.

    Raises
    ------
    InputError
        When vectors were made in a way that cannot be trained through, or the positive class is none.
    ModelError
        When the encoder cannot be had, or is another than the one that made the vectors.
    OtherTraining
        When the checkpoints are of another training.
    """
    from cellapp.training.classifier.finetune import Trainings  # imports torch

    start, recipe = time.perf_counter(), recipe_for(cells, recipe)
    _check(cells)
    models = load_models_to_embed(cells.settings)
    if models.encoder.identity != cells.encoder:
        raise ModelError(
            f"the vectors of these cells are by {cells.encoder}, and {models.encoder.identity} is here: make them again"
        )
    work = out / CHECKPOINTS
    planes = cut_planes(cells, images, models, work, lambda step, part: on_step(step, 0.0))
    dataset = replace(as_dataset(cells), planes=planes)
    data = LabelledVectors(cells.features, cells.labels, cells.groups)
    spec = spec_of_cells(cells, recipe, out.resolve().name)
    fitted = Trainings(dataset, data, models.encoder, recipe, spec, out=out, work=work, on_step=on_step).run().fitted
    with whole(out) as part:
        trained = write_fitted(part, fitted, dataset, recipe, start)
    shutil.rmtree(work)
    return trained


def _check(cells: LabelledCells) -> None:
    """Refuse mixtures of classes, and vectors that are not those of one encoder reading one crop in three planes."""
    if not as_dataset(cells).crops.pure.all():
        raise InputError("fine-tuning is for cells of one class each; leave the mixtures out, or train a linear probe")
    reads = cells.settings.reads
    if reads.shape or reads.cytoskeleton or reads.source != "crops" or reads.channels_as != "roles":
        raise InputError(
            "fine-tuning learns from crops in three planes; the vectors of this project are of another kind: train a "
            "linear probe, or set the vectors of the project to plain crops"
        )
