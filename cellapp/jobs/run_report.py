"""The report of a run of a project, with what the image table says of each image."""

from __future__ import annotations

from pathlib import Path

from cellapp.exports.report.page import write_report
from cellapp.store import runs
from cellapp.store.images import list_images
from cellapp.store.records import RunRecord


def write_run_report(run: RunRecord) -> Path:
    """Write report.html of a run; images in the bin stay in it, without what the image table says of them."""
    conditions = {image.id: dict(image.conditions) for image in list_images(run.project_id)}
    samples = {image.stem: conditions.get(image.image_id, {}) for image in run.images}
    return write_report(runs.run_folder(run.id), title=run.name, samples=samples)
