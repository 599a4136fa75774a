"""Why one cell of a run of a project got its call, by example; the search on the model is a job."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cellapp.classification.ensemble import Head
from cellapp.errors import ModelError, StoreError
from cellapp.explanation.brightness_flip import flip_sentence
from cellapp.exports.tables import read_cells
from cellapp.jobs import queue, worker_process
from cellapp.models.bundle import load_models_to_explain
from cellapp.models.load import load_model
from cellapp.models.registry import model_folder
from cellapp.pipeline.context import make_context
from cellapp.pipeline.flip_by_brightness import flip_by_brightness
from cellapp.pipeline.progress import no_progress
from cellapp.pipeline.reasons_by_example import Reasons, reasons_by_example
from cellapp.segmentation.label_image import read_labels
from cellapp.store import runs
from cellapp.store.open_image import open_slide
from cellapp.store.records import JobRecord, RunImage, RunRecord, Status
from cellapp.store.vectors import image_vectors
from cellapp.types.cells import Embeddings, LabelMask
from cellapp.types.image import OnStep

FLIP = "flip"


def examples_of_cell(run: RunRecord, image_id: str, cell_id: int) -> Reasons:
    """Find the cells that are like one, see `reasons_by_example`.

    Raises
    ------
    StoreError
        When the run has no such image.
    InputError, ModelError
        Those of `reasons_by_example`, and when the head cannot be had.
    """
    stem, head = _image(run, image_id).stem, _head(run)
    ids = {image.stem: image.image_id for image in run.images if image.status is Status.DONE}
    folder = runs.run_folder(run.id)
    tables = {name: read_cells(folder / name / "cells.parquet") for name in ids}

    def vectors_of(name: str) -> Embeddings:
        found = image_vectors(run, ids[name], head.vectors)
        if found is None:
            raise ModelError(
                f"image {name!r} has no vectors that head {head.name!r} reads: make vectors of the run first"
            )
        return found

    named = str(run.settings.classify.head)
    return reasons_by_example(tables, vectors_of, stem, cell_id, head, model_folder(named))


def request_flip(run: RunRecord, image_id: str, cell_id: int, target: str) -> JobRecord:
    """Queue the search for the smallest change of brightness that flips a call, or return the job that has done it."""
    _image(run, image_id)
    job = flip_job(run, image_id, cell_id, target)
    if job is not None and job.status is not Status.FAILED and job.status is not Status.CANCELLED:
        return job
    job = queue.submit(FLIP, _payload(run, image_id, cell_id, target), run.project_id, urgent=True)
    worker_process.ensure_worker()
    return job


def flip_job(run: RunRecord, image_id: str, cell_id: int, target: str) -> JobRecord | None:
    """Return the newest such job of a cell; None when there was none."""
    payload = _payload(run, image_id, cell_id, target)
    jobs = queue.list_jobs(run.project_id, active=False)
    return next((job for job in jobs if job.kind == FLIP and dict(job.payload) == payload), None)


def flip(payload: dict[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Search what flips the call of a cell; payload ``{"run_id", "image_id", "cell_id", "target", "head"}``."""
    return flip_cell(payload["run_id"], payload["image_id"], payload["cell_id"], payload["target"], on_step)


def flip_cell(run_id: str, image_id: str, cell_id: int, target: str, on_step: OnStep | None = None) -> dict[str, Any]:
    """Search the smallest change of brightness that flips a call.

    Parameters
    ----------
    run_id, image_id : str
    cell_id : int
    target : str
        Class whose probability is followed.
    on_step : callable, optional
        Progress; may raise `Cancelled`.

    Returns
    -------
    dict
        Plain JSON values: those of `FlipSearch`, and ``sentence``.

    Raises
    ------
    StoreError
        When the run has no such image, or the image no such cell.
    ModelError
        When encoder or head cannot be had, or the head does not know the class.
    """
    run, on_step = runs.get_run(run_id), on_step or no_progress
    folder = runs.run_folder(run.id) / _image(run, image_id).stem
    cells = read_cells(folder / "cells.parquet")
    if cell_id not in cells.index:
        raise StoreError(f"image {folder.name!r} has no cell {cell_id} in this run; reload the page")
    on_step("Loading models", 0.0)
    models = load_models_to_explain(run.settings)
    models.to_explain()[1].contrast(target)  # refuses a class that it does not know
    context = make_context(open_slide(image_id), None, models, run.settings)
    mask = LabelMask(read_labels(folder / "labels.tif", context.slide.info.shape[1:]), "")
    on_step("Changing brightness", 0.3)
    search = flip_by_brightness(context, mask, cells.loc[[cell_id]], target)
    return {**asdict(search), "flips": [asdict(one) for one in search.flips], "sentence": flip_sentence(search, target)}


def _payload(run: RunRecord, image_id: str, cell_id: int, target: str) -> dict[str, Any]:
    return {"run_id": run.id, "image_id": image_id, "cell_id": cell_id, "target": target, "head": _head_name(run)}


def _head_name(run: RunRecord) -> str:
    if run.settings.classify.head is None:
        raise ModelError("this run counted cells without classes: there is no call to give reasons for")
    return run.settings.classify.head


def _head(run: RunRecord) -> Head:
    return load_model(_head_name(run))


def _image(run: RunRecord, image_id: str) -> RunImage:
    image = run.image(image_id)
    if image is None:
        raise StoreError(f"run {run.id!r} has no image {image_id!r}; reload the page")
    return image
