"""Job that makes crops.zip of the images of a run that were analysed without, and what it will cost."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from statistics import mean, median
from typing import Any, NamedTuple

import numpy as np

from cellapp.compute.executor import n_cores
from cellapp.errors import InputError
from cellapp.exports.crops_zip import has_crops
from cellapp.exports.run_json import read_run
from cellapp.jobs import queue, worker_process
from cellapp.jobs.run_lock import only_worker, writing_files
from cellapp.jobs.run_report import write_run_report
from cellapp.pipeline.make_crops import make_crops
from cellapp.pipeline.progress import no_progress
from cellapp.settings import AnalyseSettings, CropMode
from cellapp.store import runs
from cellapp.store.open_image import open_slide
from cellapp.store.records import JobRecord, RunImage, RunRecord, Status
from cellapp.types.image import OnStep

CROPS = "crops"
"""Kind of the job."""

_LONG_S = 5.0  # jobs expected to be shorter say little of the next: starting is most of their time
_LOOKED_AT = 20  # images whose headers an estimate reads; the rest counts as they do on average
_CELL_S, _RAW_BYTE_S = 1.5e-3, 5e-8
"""Seconds of one core for a cell, and beside that for a byte of its raw pixels; fitted to six images, 8 and 16 bit."""
_PACKED = {1: 0.55, 2: 0.88}
"""Share that is left of raw pixels after compression, by bytes per pixel; of wider ones as of 16 bit."""
_GRAY_BYTES, _COLOUR_BYTES = 12_000, 22_000  # of a picture


class Cost(NamedTuple):
    """What making crops is expected to take on this machine."""

    seconds: float
    n_bytes: int


def images_without_crops(run: RunRecord) -> list[RunImage]:
    """Return the images of a run that are done and have no crops, in its order."""
    out = runs.run_folder(run.id)
    return [image for image in run.images if image.status is Status.DONE and not has_crops(out / image.stem)]


def request_crops(run_id: str) -> JobRecord:
    """Queue the making of a run's crops; a job that waits or works already is taken.

    Raises
    ------
    InputError
        When the run is still at work, or has no image without crops.
    StoreError
        When there is no such run.
    """
    run = runs.get_shown_run(run_id)
    known = crops_job(run)
    if known is not None:
        return known
    if run.status.active:
        raise InputError(f"{run.name!r} is still at work; ask for its crops when it is done")
    if not images_without_crops(run):
        raise InputError(f"{run.name!r} has crops.zip of each image that is done; they are among its files")
    job = queue.submit(CROPS, {"run_id": run.id}, run.project_id)
    worker_process.ensure_worker()
    return job


def crops_job(run: RunRecord) -> JobRecord | None:
    """Return the job that waits for or works on the crops of a run."""
    active = queue.list_jobs(run.project_id, active=True)
    return next((job for job in active if job.kind == CROPS and job.payload.get("run_id") == run.id), None)


def make_run_crops(payload: Mapping[str, Any], on_step: OnStep = no_progress) -> dict[str, Any]:
    """Make the crops that a run lacks; payload ``{"run_id"}``. Started again, it goes on from the finished parts."""
    run, out, start = runs.get_run(payload["run_id"]), runs.run_folder(payload["run_id"]), time.monotonic()
    with only_worker(run.id, on_step):
        lacking = images_without_crops(run)
        expected = _on_this_machine(run, lacking).seconds
        for n_done, image in enumerate(lacking):

            def report(step: str, part: float, before: int = n_done, name: str = image.stem) -> None:
                on_step(f"{name}: {step}", (before + part) / len(lacking))

            make_crops(out / image.stem, open_slide(image.image_id), report)
        with writing_files(out):
            write_run_report(run)
    return {"n_made": len(lacking), "seconds": time.monotonic() - start, "expected_s": expected}


def expected_cost(run: RunRecord) -> Cost:
    """Estimate time and size of the crops that a run lacks, by what such jobs took on this machine of late."""
    seconds, n_bytes = _on_this_machine(run, images_without_crops(run))
    ended = (job.result or {} for job in queue.list_jobs(active=False) if job.kind == CROPS)
    long = [result for result in ended if result.get("expected_s", 0.0) >= _LONG_S]
    ratios = [result["seconds"] / result["expected_s"] for result in long[:5]]
    return Cost(seconds * (median(ratios) if ratios else 1.0), n_bytes)


def _on_this_machine(run: RunRecord, images: Sequence[RunImage]) -> Cost:
    """Return time, on its cores at the rate of a common one, and size."""
    if not images:
        return Cost(0.0, 0)
    out, n_cells = runs.run_folder(run.id), sum(image.n_cells or 0 for image in images)
    per_cell = [_per_cell(read_run(out / image.stem / "run.json")) for image in images[:_LOOKED_AT]]
    seconds, n_bytes = (mean(values) for values in zip(*per_cell, strict=True))
    return Cost(n_cells * seconds / n_cores(), round(n_cells * n_bytes))


def _per_cell(tree: Mapping[str, Any]) -> Cost:
    """Return seconds of one core and bytes for a cell of an image, given its run.json."""
    settings, image = AnalyseSettings.model_validate(tree["settings"]).crop, tree["image"]
    width = np.dtype(image["dtype"]).itemsize
    if settings.mode is CropMode.MASKED:  # boxes are about twice as large as what they hold
        height, length = image["shape"][-2:]
        area = 2 * tree["confluency"] * height * length / max(tree["summary"]["n_cells"], 1)
    else:
        area = settings.size_px**2
    raw = area * len(image["channels"]) * width
    picture = _GRAY_BYTES if len(image["channels"]) == 1 else _COLOUR_BYTES
    return Cost(_CELL_S + _RAW_BYTE_S * raw, round(_PACKED.get(width, _PACKED[2]) * raw) + picture)
