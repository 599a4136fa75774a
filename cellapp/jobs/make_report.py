"""Job that makes the whole report of a run: cells explained and drawn, then the page."""

from __future__ import annotations

from functools import partial

from cellapp.jobs import queue, worker_process
from cellapp.jobs.run_report import write_run_report
from cellapp.jobs.write_labels import write_files_of
from cellapp.pipeline.progress import no_progress
from cellapp.pipeline.report_run import keep_report_figures
from cellapp.store import runs
from cellapp.store.open_image import open_slide
from cellapp.store.records import JobRecord, Status
from cellapp.types.image import OnStep

REPORT = "report"


def request_report(run_id: str) -> JobRecord:
    """Queue the report of a run; one that waits or works already is taken.

    Raises
    ------
    StoreError
        When there is no such run.
    """
    run = runs.get_run(run_id)
    waiting = (job for job in queue.list_jobs(run.project_id, active=True) if job.kind == REPORT)
    known = next((job for job in waiting if job.payload.get("run_id") == run.id), None)
    if known is not None:
        return known
    job = queue.submit(REPORT, {"run_id": run.id}, run.project_id, urgent=True)
    worker_process.ensure_worker()
    return job


def make_report(run_id: str, on_step: OnStep | None = None) -> dict[str, object]:
    """Draw the cells of a run's report and write it.

    Parameters
    ----------
    run_id : str
    on_step : callable, optional
        Progress; may raise `Cancelled`, then the report stays as it is.

    Returns
    -------
    dict
        ``report`` (file name in the run's folder), ``n_figures``, and ``not_shown``, why there are none.
    """
    run, on_step = runs.get_run(run_id), on_step or no_progress
    done = [image for image in run.images if image.status is Status.DONE]
    on_step("Writing the labels", 0.0)
    for image in done:  # labels whose files wait behind this job are in the report, too
        write_files_of(run, image.image_id)
    slides = {image.stem: partial(open_slide, image.image_id) for image in done}
    n_figures, why = keep_report_figures(runs.run_folder(run.id), slides, on_step)
    on_step("Writing the report", 0.95)
    return {"report": write_run_report(run).name, "n_figures": n_figures, "not_shown": why}
