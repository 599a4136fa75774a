"""Ask the worker, once, for what a page shows better with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cellapp.jobs import queue, worker_process
from cellapp.store.open_image import lacks_pyramid
from cellapp.store.records import ImageRecord, JobRecord, Status


def request_pyramid(record: ImageRecord) -> bool:
    """Queue the making of an image's pyramid where it lacks one, once; returns whether it was queued now.

    A try that failed is not repeated: the viewer does without, and the job's error says why.
    """
    payload = {"image_id": record.id}
    if not lacks_pyramid(record) or _asked(record, "pyramid", payload):
        return False
    _ask(record, "pyramid", payload)
    return True


def pyramid_job(record: ImageRecord) -> JobRecord:
    """Return the job that makes the pyramid an image lacks, asking for it where nobody did; it may have failed."""
    payload = {"image_id": record.id}
    return _asked(record, "pyramid", payload) or _ask(record, "pyramid", payload)


def request_slide_parameters(record: ImageRecord, settings: Mapping[str, Any]) -> JobRecord:
    """Queue `ensure_slide_parameters` for a slide, before all work nobody waits for.

    Parameters
    ----------
    record : ImageRecord
    settings : mapping
        `AnalyseSettings` as JSON values.

    Returns
    -------
    JobRecord
        The one that was asked for earlier, where it waits, works or has failed; a failed one is not repeated.
    """
    payload = {
        "image_id": record.id,
        "settings": dict(settings),
        "roles": [role.value for role in record.roles],  # not read by the worker: other roles ask another question
        "um_per_px": record.um_per_px,
    }
    return _asked(record, "judge", payload) or _ask(record, "judge", payload, urgent=True)


def _asked(record: ImageRecord, kind: str, payload: Mapping[str, Any]) -> JobRecord | None:
    known = queue.list_jobs(record.project_id, active=False)
    mine = [job for job in known if job.kind == kind and dict(job.payload) == dict(payload)]
    return next((job for job in mine if job.status.active or job.status is Status.FAILED), None)


def _ask(record: ImageRecord, kind: str, payload: Mapping[str, Any], *, urgent: bool = False) -> JobRecord:
    job = queue.submit(kind, payload, record.project_id, urgent=urgent)
    worker_process.ensure_worker()
    return job
