"""Rows of the jobs table. Which status a job may change to, and when, is decided in `cellapp.jobs.queue`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.orm import Session

from cellapp.errors import StoreError
from cellapp.store.database import reading, writing
from cellapp.store.json_values import json_mapping
from cellapp.store.records import JobRecord, Status
from cellapp.store.schema import Job, now

_ACTIVE = (Status.QUEUED, Status.RUNNING)


def add_job(kind: str, payload: Mapping[str, Any], project_id: str | None, *, urgent: bool) -> JobRecord:
    """Add a queued job."""
    with writing() as session:
        row = Job(kind=kind, payload=json_mapping(payload), project_id=project_id, urgent=urgent, status=Status.QUEUED)
        session.add(row)
        session.flush()
        return _record(row)


def read_job(job_id: str) -> JobRecord:
    """Return a job. Raises StoreError when there is none."""
    with reading() as session:
        return _record(_row(session, job_id))


def read_jobs(project_id: str | None, *, active: bool, limit: int) -> tuple[JobRecord, ...]:
    """Return the jobs of a project, or of all, newest first; only those that wait or work when `active`."""
    query = select(Job).order_by(Job.created.desc(), Job.id).limit(limit)
    if project_id is not None:
        query = query.where(Job.project_id == project_id)
    if active:
        query = query.where(Job.status.in_(_ACTIVE))
    with reading() as session:
        return tuple(_record(row) for row in session.scalars(query))


def take_job(worker_id: str, *, kinds: Collection[str] | None, lost: Mapping[str, datetime | None]) -> JobRecord | None:
    """Give the next job to a worker: urgent ones first, then the oldest; no two workers get the same one.

    A running job in `lost` is free again while it has the heartbeat that is given there. On PostgreSQL the row is
    locked and rows locked by others are passed over; on SQLite the writing session alone keeps others out.
    """
    query = (
        select(Job)
        .where(_free(lost), *([Job.kind.in_(kinds)] if kinds is not None else []))
        .order_by(Job.urgent.desc(), Job.created, Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    with writing() as session:
        row = session.scalar(query)
        if row is None:
            return None
        row.status, row.worker, row.attempts = Status.RUNNING, worker_id, row.attempts + 1
        row.heartbeat = now()
        row.started = row.started or row.heartbeat
        session.flush()
        return _record(row)


def count_free(*, kinds: Collection[str] | None, lost: Mapping[str, datetime | None]) -> int:
    """Return how many jobs `take_job` could give out now."""
    query = select(Job.id).where(_free(lost), *([Job.kind.in_(kinds)] if kinds is not None else []))
    with reading() as session:
        return len(session.scalars(query).all())


def change_job(job_id: str, *, only_if: Status, worker_id: str | None = None, **values: Any) -> JobRecord | None:
    """Change columns of a job in one statement.

    Parameters
    ----------
    job_id : str
    only_if : Status
        The status it must be in.
    worker_id : str, optional
        The worker that must hold it: one that was taken for lost can change nothing any more.
    **values
        Columns of the jobs table and their new values.

    Returns
    -------
    JobRecord or None
        The changed job; None when a condition did not hold and nothing was changed.
    """
    held = [Job.worker == worker_id] if worker_id is not None else []
    changed = update(Job).where(Job.id == job_id, Job.status == only_if, *held).values(**values).returning(Job.id)
    with writing() as session:
        return _record(_row(session, job_id)) if session.scalar(changed) else None


def delete_ended_jobs(ended_before: datetime) -> int:
    """Delete the rows of jobs that ended before a time; returns how many."""
    with writing() as session:
        return len(session.scalars(delete(Job).where(Job.finished < ended_before).returning(Job.id)).all())


def read_beats() -> list[tuple[str, str, datetime | None]]:
    """Return id, worker and last heartbeat of every running job."""
    with reading() as session:
        rows = session.execute(select(Job.id, Job.worker, Job.heartbeat).where(Job.status == Status.RUNNING)).all()
        return [(job_id, worker or "", beat) for job_id, worker, beat in rows]


def _free(lost: Mapping[str, datetime | None]) -> ColumnElement[bool]:
    silent = [and_(Job.id == job_id, Job.heartbeat.is_not_distinct_from(beat)) for job_id, beat in lost.items()]
    return or_(Job.status == Status.QUEUED, *(and_(Job.status == Status.RUNNING, one) for one in silent))


def _row(session: Session, job_id: str) -> Job:
    row = session.get(Job, job_id)
    if row is None:
        raise StoreError(f"no job {job_id!r}; those that ended a month ago are forgotten: check the id")
    return row


def _record(row: Job) -> JobRecord:
    return JobRecord(
        id=row.id,
        kind=row.kind,
        payload=dict(row.payload),
        status=row.status,
        created=row.created,
        project_id=row.project_id,
        step=row.step,
        fraction=row.fraction,
        seconds_left=row.seconds_left,
        result=row.result,
        error=row.error,
        worker=row.worker,
        heartbeat=row.heartbeat,
        cancel_requested=row.cancel_requested,
        attempts=row.attempts,
        started=row.started,
        finished=row.finished,
    )
