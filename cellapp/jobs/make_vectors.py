"""Job that makes the vectors of a run's cells: once per cells, encoder, cut and preprocessing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cellapp.exports.run_vectors import folder_vectors
from cellapp.exports.tables import read_cells
from cellapp.images.read import file_digest
from cellapp.models.bundle import RunModels, load_models_to_embed
from cellapp.pipeline.checkpoint import open_checkpoint
from cellapp.pipeline.context import ImageContext, make_context, run_serially
from cellapp.pipeline.embed_cells import embed_cells
from cellapp.pipeline.progress import no_progress
from cellapp.segmentation.label_image import read_labels
from cellapp.settings import VectorSettings
from cellapp.store import projects, runs
from cellapp.store.open_image import open_slide
from cellapp.store.records import RunImage, RunRecord, Status
from cellapp.store.vectors import keep_vectors, kept_vectors, vectors_key, vectors_path
from cellapp.types.cells import Embeddings, LabelMask
from cellapp.types.image import OnStep


def make_vectors(run_id: str, settings: VectorSettings | None = None, on_step: OnStep | None = None) -> int:
    """Make the vectors of every finished image of a run that has none made so, and keep them.

    Those in the image's folder, and those that another run with the same cells has, are taken over, not made again.

    Parameters
    ----------
    run_id : str
    settings : VectorSettings, optional
        As the project makes them when left out.
    on_step : callable, optional
        Progress; may raise `Cancelled`: images that are done are kept, and the next call goes on in the one in hand.

    Returns
    -------
    int
        Cells that were encoded.

    Raises
    ------
    ModelError
        When the encoder cannot be had.
    InputError
        When an image or a file of the run cannot be used.
    """
    run, on_step = runs.get_run(run_id), on_step or no_progress
    settings = settings or projects.project_vectors(run.project_id)
    todo = keep_folder_vectors(run, settings)
    if not todo:
        return 0
    on_step("Loading models", 0.0)
    models, n_encoded = load_models_to_embed(settings), 0
    for n_done, image in enumerate(todo):

        def report(step: str, part: float, before: int = n_done, name: str = image.stem) -> None:
            on_step(f"{name}: {step}", (before + part) / len(todo))

        report("Making vectors", 0.0)
        n_encoded += _keep_image(run, image, models, report)
    return n_encoded


def keep_folder_vectors(run: RunRecord, settings: VectorSettings) -> list[RunImage]:
    """Keep the vectors that the folders of a run's images hold, where they were made so; no encoder is needed.

    Parameters
    ----------
    run : RunRecord
    settings : VectorSettings

    Returns
    -------
    list of RunImage
        Finished images that still have none.
    """
    kept, left = kept_vectors(run.id, settings), []
    for image in run.images:
        if image.status is not Status.DONE or image.image_id in kept:
            continue
        folder = runs.run_folder(run.id) / image.stem
        found = folder_vectors(folder)
        if found is None or found[1] != settings:
            left.append(image)
            continue
        keep_image_vectors(run, image, settings, found[0])
    return left


def keep_image_vectors(run: RunRecord, image: RunImage, settings: VectorSettings, embeddings: Embeddings) -> None:
    """Keep the vectors of the accepted cells of an image, which were made as `settings` say."""
    models = RunModels(None, without_head=settings)
    _keep(run, image, make_context(open_slide(image.image_id), None, models, run.settings), embeddings)


def _keep_image(run: RunRecord, image: RunImage, models: RunModels, on_step: OnStep) -> int:
    """Keep the vectors of one image; returns how many cells had to be encoded."""
    folder = runs.run_folder(run.id) / image.stem
    context = make_context(open_slide(image.image_id), None, models, run.settings)
    accepted = read_cells(folder / "cells.parquet").query("qc_pass")
    key = _key(context, folder, models.encoder.identity, accepted.index.to_numpy(np.int32))
    if vectors_path(key).exists():
        keep_vectors(run.id, image.image_id, models.vectors, encoder=models.encoder.identity, key=key, embeddings=None)
        return 0
    labels = read_labels(folder / "labels.tif", context.slide.info.shape[1:])
    with open_checkpoint(folder.parent / f".{image.stem}.vectors", {"key": key}, resume=True) as checkpoint:
        if not checkpoint.has_labels:
            with checkpoint.new_labels(labels.shape) as stored:
                stored[:] = labels
        mask, run_tasks = LabelMask(labels, ""), run_serially(context)
        embeddings = embed_cells(context, mask, accepted, checkpoint, run_tasks, on_step=on_step, span=(0.0, 1.0))
    _keep(run, image, context, embeddings)
    return len(accepted)


def _keep(run: RunRecord, image: RunImage, context: ImageContext, embeddings: Embeddings) -> None:
    key = _key(context, runs.run_folder(run.id) / image.stem, embeddings.encoder, embeddings.cell_ids)
    keep_vectors(
        run.id, image.image_id, context.models.vectors, encoder=embeddings.encoder, key=key, embeddings=embeddings
    )


def _key(context: ImageContext, folder: Path, encoder: str, cell_ids: np.ndarray) -> str:
    """Return what the vectors of an image depend on as one digest: pixels, cells, channels and how they are made."""
    return vectors_key(
        {
            "image": context.source.digest,
            "labels": file_digest(folder / "labels.tif"),
            "cells": cell_ids.tolist(),
            "channels": context.source.info.channels,
            "roles": [role.value for role in context.roles],
            "encoder": encoder,
            "settings": context.models.vectors.key,
        }
    )
