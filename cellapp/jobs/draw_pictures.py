"""Job that draws overlay and crops of a run again where they show other classes or cells than its tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cellapp.errors import Cancelled, InputError
from cellapp.jobs import queue
from cellapp.jobs.run_lock import writing_files
from cellapp.jobs.run_report import write_run_report
from cellapp.pipeline.active_classes import draw_active_classes
from cellapp.pipeline.progress import no_progress
from cellapp.store import runs
from cellapp.store.open_image import open_slide
from cellapp.store.records import Status
from cellapp.types.image import OnStep

PICTURES = "pictures"
"""Kind of the job."""

EDITED = "edited"
"""Kind of the job that edited cells wait for, see `cellapp.jobs.follow_edits`; drawing gives way to it."""


class _GiveWay(Cancelled):
    """Raised while pictures are drawn that will have to be drawn again."""


def pictures(payload: Mapping[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Draw overlay and crops of a run by the classes it has now; payload ``{"run_id"}``.

    Where somebody edits cells meanwhile, the job ends and comes back when the classes of those have followed.
    """

    def give_way(step: str, part: float) -> None:
        on_step(step, part)
        if queue.work_waits((EDITED,)):
            raise _GiveWay("somebody edits cells")

    try:
        return {"n_drawn": draw_pictures(payload["run_id"], give_way)}
    except _GiveWay:
        request_pictures(payload["run_id"])
        return {"n_drawn": 0}


def request_pictures(run_id: str) -> None:
    """Queue the drawing of a run's pictures, once."""
    run = runs.get_run(run_id)
    waiting = [job for job in queue.list_jobs(run.project_id) if job.kind == PICTURES and job.status is Status.QUEUED]
    if not any(job.payload.get("run_id") == run.id for job in waiting):
        queue.submit(PICTURES, {"run_id": run.id}, run.project_id)


def draw_pictures(run_id: str, on_step: OnStep | None = None) -> int:
    """Draw overlay and crops of a run again where they show others; returns of how many images."""
    run, out, on_step = runs.get_run(run_id), runs.run_folder(run_id), on_step or no_progress
    images, n_drawn = [image for image in run.images if image.status is Status.DONE], 0
    if run.status.active or not images:
        raise InputError(f"{run.name!r} has no result to draw again; wait until its images are done")
    for n_done, image in enumerate(images):

        def report(step: str, part: float, before: int = n_done, name: str = image.stem) -> None:
            on_step(f"{name}: {step}", (before + part) / len(images))

        report("Drawing classes", 0.0)
        n_drawn += draw_active_classes(out / image.stem, open_slide(image.image_id), report)
    with writing_files(out):
        write_run_report(run)
    return n_drawn
