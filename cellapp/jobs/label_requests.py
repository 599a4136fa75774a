"""What follows labels given on a page or over HTTP: files of runs, and tables of labels that come in."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from cellapp.errors import InputError
from cellapp.jobs import queue, worker_process
from cellapp.labelling.label_table import ImportReport, read_label_table
from cellapp.store.label_exchange import Exchange, import_labels
from cellapp.store.label_rows import LabelRecord
from cellapp.store.records import JobRecord, Status
from cellapp.store.runs import get_run

_KIND = "relabel"


def request_label_files(run_id: str, image_ids: Collection[str]) -> JobRecord | None:
    """Queue the writing of the labels in force into the files of images of a run, once; None without images.

    Images that the run does not have, or that have no files, are left out.
    """
    run = get_run(run_id)
    wanted = [row.image_id for row in run.images if row.image_id in set(image_ids) and row.status is Status.DONE]
    if not wanted:
        return None
    payload = {"run_id": run.id, "images": wanted}
    waiting = [job for job in queue.list_jobs(run.project_id) if job.kind == _KIND and job.status is Status.QUEUED]
    job = next((job for job in waiting if dict(job.payload) == payload), None) or queue.submit(
        _KIND, payload, run.project_id
    )
    worker_process.ensure_worker()
    return job


def import_label_file(target: Exchange, path: Path, *, who: str = "") -> ImportReport:
    """Add the labels of a table and have the files of the runs follow.

    Parameters
    ----------
    target : Exchange
        The run or the project that its lines are about.
    path : Path
        See `cellapp.labelling.label_table.read_label_table`.
    who : str
        Of lines that name nobody.

    Returns
    -------
    ImportReport
        With every line that could not be used, in one sentence each.

    Raises
    ------
    InputError
        The file cannot be read, or no line of it is a label.
    """
    lines, refused = read_label_table(path)
    report, added = import_labels(target, [line if line.who else replace(line, who=who) for line in lines])
    report = replace(report, left_out=(*refused, *report.left_out))
    if not report.n_added + report.n_known:
        why = report.left_out[0] if report.left_out else "it has no lines"
        raise InputError(f"no label in {path.name!r} could be used: {why}")
    request_files_of(added)
    return report


def request_files_of(labels: Iterable[LabelRecord]) -> None:
    """Have the files of every run that some labels were given on follow them."""
    images: dict[str, set[str]] = {}
    for record in labels:
        if record.run_id is not None:
            images.setdefault(record.run_id, set()).add(record.image_id)
    for run_id, image_ids in images.items():
        request_label_files(run_id, image_ids)
