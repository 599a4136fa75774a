"""Jobs that pages ask for, once each, before they can show something: an image's pyramid, a slide's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cellapp.jobs import queue, worker_process
from cellapp.store.open_image import lacks_pyramid
from cellapp.store.records import ImageRecord, JobRecord, Status


def request_pyramid(record: ImageRecord) -> bool:
    """Queue the making of an image's pyramid where it lacks one, once; returns whether it was queued now.

    A failed job is not repeated: the viewer does without, and the job's error says why.
    """
    payload = {"image_id": record.id}
    if not lacks_pyramid(record) or _earlier_job(record, "pyramid", payload):
        return False
    _submit(record, "pyramid", payload)
    return True


def pyramid_job(record: ImageRecord) -> JobRecord:
    """Return the job that makes the pyramid an image lacks, queueing it where there is none; it may have failed."""
    payload = {"image_id": record.id}
    return _earlier_job(record, "pyramid", payload) or _submit(record, "pyramid", payload)


def request_slide_parameters(record: ImageRecord, settings: Mapping[str, Any]) -> JobRecord:
    """Queue `cellapp.segmentation.slide_parameters.ensure_slide_parameters` for a slide, before work that can wait.

    Parameters
    ----------
    record : ImageRecord
    settings : mapping
        `AnalyseSettings` as JSON values.

    Returns
    -------
    JobRecord
        An earlier one with the same payload, where it waits, works or has failed; a failed one is not repeated.
    """
    payload = {
        "image_id": record.id,
        "settings": dict(settings),
        "roles": [role.value for role in record.roles],  # not read by the handler: other roles make another job
        "um_per_px": record.um_per_px,
    }
    return _earlier_job(record, "judge", payload) or _submit(record, "judge", payload, urgent=True)


def _earlier_job(record: ImageRecord, kind: str, payload: Mapping[str, Any]) -> JobRecord | None:
    """Return the newest job of that kind and payload that is active or has failed."""
    jobs = queue.list_jobs(record.project_id, active=False)
    same = [job for job in jobs if job.kind == kind and dict(job.payload) == dict(payload)]
    return next((job for job in same if job.status.active or job.status is Status.FAILED), None)


def _submit(record: ImageRecord, kind: str, payload: Mapping[str, Any], *, urgent: bool = False) -> JobRecord:
    job = queue.submit(kind, payload, record.project_id, urgent=urgent)
    worker_process.ensure_worker()
    return job
