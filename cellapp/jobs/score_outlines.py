"""Job that scores the outlines of a run against those of another one which are right, and draws what is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cellapp.errors import InputError
from cellapp.files import atomic_folder
from cellapp.images.channels import describe_slide
from cellapp.jobs import queue, worker_process
from cellapp.rendering.composition import ImageStyle
from cellapp.rendering.png import png_bytes
from cellapp.segmentation.agreement import Agreement, compare_labels, mean_figures
from cellapp.segmentation.error_picture import draw_errors
from cellapp.segmentation.label_image import read_labels
from cellapp.store.mask_edits import edited_images
from cellapp.store.open_image import open_slide
from cellapp.store.records import JobRecord, RunImage, RunRecord
from cellapp.store.runs import get_run, get_shown_run, run_folder
from cellapp.types.image import OnStep

SCORE = "score"
_FOLDER, _FIGURES = ".scores", "figures.json"  # in the run's own folder, so that they go with the run


def shared_images(run: RunRecord, truth: RunRecord) -> list[RunImage]:
    """Return the images that have cells in both of two runs."""
    done = {image.image_id for image in truth.images if image.n_cells is not None}
    return [image for image in run.images if image.n_cells is not None and image.image_id in done]


def request_score(run_id: str, truth_id: str) -> JobRecord:
    """Queue the scoring of a run against another one.

    Raises
    ------
    InputError
        When the two share no image with cells.
    """
    run, truth = get_shown_run(run_id), get_shown_run(truth_id)
    if run.id == truth.id or run.project_id != truth.project_id or not shared_images(run, truth):
        raise InputError(f"{run.name!r} and {truth.name!r} share no image; choose two runs of the same images")
    job = queue.submit(SCORE, {"run_id": run.id, "truth_id": truth.id}, run.project_id)
    worker_process.ensure_worker()
    return job


def score_outlines(payload: dict[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Score a run against another one; payload ``{"run_id", "truth_id"}``, result ``{"n_images"}``."""
    run, truth = get_run(payload["run_id"]), get_run(payload["truth_id"])
    state, rows = _state(run, truth), {}
    images = shared_images(run, truth)
    with atomic_folder(run_folder(run.id) / _FOLDER / truth.id) as out:
        for n_done, image in enumerate(images):
            on_step(f"Scoring {image.name}", n_done / len(images))
            agreement = compare_labels(_labels(run, image.image_id), _labels(truth, image.image_id))
            rows[image.image_id] = agreement.row()
            (out / f"{image.stem}.png").write_bytes(png_bytes(_picture(run, image, agreement)))
        (out / _FIGURES).write_text(json.dumps({"state": state, "images": rows}) + "\n", encoding="utf-8")
    return {"n_images": len(rows)}


def stored_scores(run: RunRecord, truth: RunRecord) -> dict[str, Any] | None:
    """Return the figures of a run against another one, None where there are none.

    Returns
    -------
    dict
        ``images``: image id -> `cellapp.segmentation.agreement.Agreement.row`; ``mean`` of them; ``stale``: whether
        cells of either were edited since.
    """
    try:
        kept = json.loads((run_folder(run.id) / _FOLDER / truth.id / _FIGURES).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    rows: Mapping[str, Any] = kept["images"]
    return {"images": rows, "mean": mean_figures(list(rows.values())), "stale": kept["state"] != _state(run, truth)}


def error_picture(run: RunRecord, truth: RunRecord, image: RunImage) -> Path:
    """Return the PNG of what is wrong in an image; see `cellapp.segmentation.error_picture`."""
    return run_folder(run.id) / _FOLDER / truth.id / f"{image.stem}.png"


def _state(run: RunRecord, truth: RunRecord) -> list[list[Any]]:
    return sorted([*key, number] for key, number in edited_images([run.id, truth.id]).items())


def _labels(run: RunRecord, image_id: str) -> np.ndarray:
    image = next(image for image in run.images if image.image_id == image_id)
    return read_labels(run_folder(run.id) / image.stem / "labels.tif")


def _picture(run: RunRecord, image: RunImage, agreement: Agreement) -> np.ndarray:
    slide, roles, _ = describe_slide(open_slide(image.image_id), run.settings)
    return draw_errors(agreement, ImageStyle.of(slide, slide.info.channels, roles).overview)
