"""Ask for what the viewer works better with."""

from __future__ import annotations

from cellapp import jobs, presence
from cellapp.store.records import ImageRecord, Status
from cellapp.store.slides import lacks_pyramid

_KIND = "pyramid"


def ask_for_pyramid(record: ImageRecord) -> bool:
    """Queue the making of an image's pyramid where it lacks one, once; returns whether it was queued now.

    A try that failed is not repeated: the viewer does without, and the job's error says why.
    """
    if not lacks_pyramid(record):
        return False
    known = jobs.list_jobs(record.project_id, active=False)
    mine = [job for job in known if job.kind == _KIND and job.payload.get("image_id") == record.id]
    if any(job.status.active or job.status is Status.FAILED for job in mine):
        return False
    jobs.submit(_KIND, {"image_id": record.id}, record.project_id)
    presence.ensure_worker()
    return True
