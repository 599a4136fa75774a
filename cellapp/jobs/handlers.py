"""The handler of each kind of job. Each can be killed at any time and started again."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cellapp.compute.executor import Engine
from cellapp.config import app_settings
from cellapp.discovery.projection import project_run
from cellapp.errors import Cancelled, CellappError
from cellapp.exports.tables import read_cells
from cellapp.jobs.cell_reasons import FLIP, flip
from cellapp.jobs.discover import DISCOVER, discover
from cellapp.jobs.draw_pictures import EDITED, PICTURES, pictures
from cellapp.jobs.explain_selected_cells import explain_selected_cells
from cellapp.jobs.follow_edits import edited
from cellapp.jobs.import_labels import run_item
from cellapp.jobs.make_report import REPORT, make_report
from cellapp.jobs.make_run_crops import CROPS, make_run_crops
from cellapp.jobs.make_vectors import keep_folder_vectors, make_vectors
from cellapp.jobs.rescore import RESCORE, rescore_run
from cellapp.jobs.retrain_segmenter import RETRAIN, retrain_segmenter
from cellapp.jobs.run_lock import only_worker
from cellapp.jobs.run_report import write_run_report
from cellapp.jobs.score_outlines import SCORE, score_outlines
from cellapp.jobs.summarise_explanations import summarise_explanations
from cellapp.jobs.time_series import SERIES
from cellapp.jobs.train import TrainRequest
from cellapp.jobs.train import train as train_head
from cellapp.jobs.write_labels import write_labels
from cellapp.models.fetch import fetch_model
from cellapp.models.kept import load_shared_model
from cellapp.models.load import load_model
from cellapp.pipeline.run_batch import run_images
from cellapp.pipeline.run_image import ImageResult
from cellapp.segmentation.preview_files import run_preview
from cellapp.segmentation.slide_parameters import ensure_slide_parameters
from cellapp.settings import AnalyseSettings, ClassifySettings, ExplainSettings
from cellapp.store import cells as cell_store
from cellapp.store import open_image, runs, uploads
from cellapp.store.costly_images import opening
from cellapp.store.records import RunRecord, Status
from cellapp.synthetic.write import write_demo
from cellapp.types.cells import Analysis
from cellapp.types.image import OnStep, Region

_log = logging.getLogger("cellapp.jobs.handlers")

_SEGMENTING = 0.6  # share of the time of a run without a head before its vectors are made

Handler = Callable[[dict[str, Any], OnStep], dict[str, Any]]
"""Takes the job's payload and a progress callback that may raise `Cancelled`; returns plain JSON values."""


def analyse(payload: dict[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Analyse the images of a run that are not finished yet; payload ``{"run_id": id}``."""
    run, folder = runs.get_run(payload["run_id"]), runs.run_folder(payload["run_id"])
    image_ids = {image.stem: image.image_id for image in run.images}

    def on_image(result: ImageResult, analysis: Analysis | None) -> None:
        _record(run, image_ids[result.stem], result, analysis)

    with only_worker(run.id, on_step):
        n_failed = _analyse(run, folder, on_image, on_step)
    return {"run_id": run.id, "n_failed": n_failed}


def _analyse(run: RunRecord, folder: Path, on_image: Callable[..., None], on_step: OnStep) -> int:
    """Do the images that are not finished yet, then what is about all of them; return how many failed."""
    analysing = 1.0 if run.settings.classify.head else _SEGMENTING
    runs.start_run(run.id)
    report = run_images(
        [run_item(run.id, image.image_id, image.stem) for image in run.images],
        run.settings,
        folder,
        on_progress=lambda step, part: on_step(step, analysing * part),
        on_image=on_image,
        resume=True,
        engine=Engine(app_settings().engine),
    )
    _vectors_of(run.id, lambda step, part: on_step(step, analysing + (1 - analysing) * part))
    write_run_report(run)
    project_run(folder, [image.stem for image in run.images], seed=run.settings.seed)  # the map opens at once
    runs.finish_run(run.id)
    return len(report.failed)


def preview(payload: dict[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Run a slow segmenter on one region; payload ``{"image_id", "region", "settings"}``, result ``{"key"}``."""
    settings = AnalyseSettings.model_validate(payload["settings"])
    on_step("Loading the model", 0.1)
    segmenter, slide = load_shared_model(settings.segment.segmenter), open_image.open_slide(payload["image_id"])
    on_step("Finding cells", 0.3)
    return {"key": run_preview(slide, Region(*payload["region"]), segmenter, settings)}


def judge(payload: dict[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Fit the parameters of a slide that its previews share; payload ``{"image_id", "settings"}``."""
    settings = AnalyseSettings.model_validate(payload["settings"])
    on_step("Looking at the whole slide", 0.1)
    ensure_slide_parameters(
        open_image.open_slide(payload["image_id"]), load_shared_model(settings.segment.segmenter), settings
    )
    return {}


def vectors(payload: dict[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Make the vectors of a run's cells; payload ``{"run_id", "head"}``: those the head reads, or the project's."""
    head = payload.get("head")
    settings = load_model(head).vectors if head else None
    return {"n_encoded": make_vectors(payload["run_id"], settings, on_step)}


def train(payload: dict[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Train a head and keep it; payload a `TrainRequest` as JSON values, result ``{"head_id"}``."""
    return {"head_id": train_head(TrainRequest.model_validate(payload), on_step).id}


def fetch(payload: dict[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Download and verify a model; payload ``{"name"}``."""
    return {"path": str(fetch_model(payload["name"], on_step))}


def project(payload: dict[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Map the vectors of a run's cells to a plane; payload ``{"run_id", "method"}``, see `project_run`."""
    run = runs.get_run(payload["run_id"])
    on_step("Laying out cells", 0.1)
    stems = [image.stem for image in run.images]
    projection = project_run(runs.run_folder(run.id), stems, method=payload["method"], seed=run.settings.seed)
    return {"n_cells": len(projection.xy)}


def demo(payload: dict[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Draw the synthetic slide and add it to a project; payload ``{"project_id"}``, result ``{"image_id"}``."""
    with tempfile.TemporaryDirectory() as folder:
        slide = write_demo(Path(folder), on_step=on_step).slide
        return {"image_id": uploads.add_image(payload["project_id"], slide, slide.name).id}


def explain(payload: dict[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Make the maps of some cells of a run; payload ``{"run_id", "image_id", "cell_ids", "target", "how", "head"}``."""
    how = ExplainSettings.model_validate(payload["how"]) if "how" in payload else None
    which = (payload["run_id"], payload["image_id"], payload["cell_ids"], payload["target"])
    path = explain_selected_cells(*which, on_step, how=how, head=payload.get("head"))
    return {"path": str(path)}


def regions(payload: dict[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Measure compartments and channel effects on a sample of a run's cells; payload ``{"run_id", "target"}``."""
    return {"n_cells": len(summarise_explanations(payload["run_id"], payload["target"], on_step))}


def rescore(payload: dict[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Call a run's cells by another head; payload ``{"run_id", "classify": settings}`` or ``{"run_id", "version"}``."""
    classify = ClassifySettings.model_validate(payload["classify"]) if "classify" in payload else None
    versions = rescore_run(payload["run_id"], classify, payload.get("version"), on_step, make=bool(payload.get("make")))
    return {"run_id": payload["run_id"], "version": versions.active_id}


def report(payload: dict[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Make the report of a run with cells and maps; payload ``{"run_id"}``, result that of `make_report`."""
    return make_report(payload["run_id"], on_step)


def pyramid(payload: dict[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Make the smaller levels of a large image, for the viewer; payload ``{"image_id"}``."""
    path = open_image.make_pyramid(payload["image_id"], on_step)
    return {"path": str(path) if path else None}


HANDLERS: Mapping[str, Handler] = {
    "analyse": analyse,
    "preview": preview,
    "judge": judge,
    "fetch": fetch,
    "vectors": vectors,
    "train": train,
    RETRAIN: retrain_segmenter,
    SCORE: score_outlines,
    "demo": demo,
    "project": project,
    "explain": explain,
    "regions": regions,
    FLIP: flip,
    REPORT: report,
    DISCOVER: discover,
    **SERIES,
    "relabel": write_labels,
    RESCORE: rescore,
    PICTURES: pictures,
    CROPS: make_run_crops,
    EDITED: edited,
    "pyramid": pyramid,
}


def _vectors_of(run_id: str, on_step: OnStep) -> None:
    """Keep the vectors that the run's head read; without a head make those of the project."""
    run = runs.get_run(run_id)
    try:
        if run.settings.classify.head is None:
            make_vectors(run.id, on_step=on_step)
        else:
            keep_folder_vectors(run, load_model(run.settings.classify.head).vectors)
    except Cancelled:
        raise
    except CellappError:  # the run is whole without them, and they can be asked for later
        _log.warning("run %s has no vectors", run.id, exc_info=True)


def _record(run: RunRecord, image_id: str, result: ImageResult, analysis: Analysis | None) -> None:
    """Write the result of an image to the store; the cells of one resumed after a kill are read from its folder."""
    opening("", "")  # the image is done: what follows is not its doing
    if result.error is not None:
        runs.set_image_status(run.id, image_id, Status.FAILED, error=result.error)
        return
    table = analysis.cells if analysis else read_cells(runs.run_folder(run.id) / result.stem / "cells.parquet")
    cell_store.save_cells(run.id, image_id, table)
    runs.set_image_status(run.id, image_id, Status.DONE, n_cells=len(table), summary=result.summary)
