"""The tables. A change here needs a migration, see `cellapp.store.migrations.env`; a test compares the two."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, ForeignKeyConstraint, Index, MetaData, String, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from cellapp.store.records import Status


class UtcDateTime(TypeDecorator[datetime]):
    """A time with zone on every database: SQLite forgets the zone, so all times are stored as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn a time with zone to UTC on its way in."""
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give a time its zone back on its way out."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class StatusText(TypeDecorator[Status]):
    """A status by its word, so that the database can be read without this program."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Status | None, dialect: Dialect) -> str | None:
        """Turn a status to its word on its way in."""
        return Status(value).value if value else None

    def process_result_value(self, value: str | None, dialect: Dialect) -> Status | None:
        """Turn a word to its status on its way out."""
        return Status(value) if value else None


def now() -> datetime:
    """Return the present time with zone."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return 12 random hexadecimal characters: short enough for a URL, too many to meet twice."""
    return uuid.uuid4().hex[:12]


class Base(DeclarativeBase):
    """Tables with constraint names that are the same on every database, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime(), dict[str, Any]: JSON(), list[str]: JSON(), Status: StatusText()}


class Project(Base):
    """A group of images and runs."""

    __tablename__ = "projects"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str]
    is_default: Mapped[bool | None] = mapped_column(unique=True)  # True once, else NULL: two cannot be made
    channels: Mapped[dict[str, Any]] = mapped_column(default=dict)  # name in the file -> [name in force, role]
    depth: Mapped[str] = mapped_column(default="max", server_default="max")  # see `cellapp.types.image.Selection`
    vector_settings: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    classes: Mapped[list[str]] = mapped_column(default=list, server_default="[]")  # that cells may be labelled with
    positive: Mapped[str | None]  # the one that metrics are about
    created: Mapped[datetime] = mapped_column(default=now)


class Image(Base):
    """An image of a project: all of a file or one of its images. The same one is there once."""

    __tablename__ = "images"
    __table_args__ = (UniqueConstraint("project_id", "digest"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    name: Mapped[str]
    digest: Mapped[str] = mapped_column(index=True)
    file_digest: Mapped[str | None]  # of the stored file; None: `digest` is that
    selection: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")  # which image of the file
    parts: Mapped[list[str]] = mapped_column(default=list)
    info: Mapped[dict[str, Any]]
    channels: Mapped[list[str]]
    roles: Mapped[list[str]]
    um_per_px: Mapped[float | None]
    conditions: Mapped[dict[str, Any]] = mapped_column(default=dict)
    reference_id: Mapped[str | None] = mapped_column(ForeignKey("images.id", ondelete="SET NULL"))
    created: Mapped[datetime] = mapped_column(default=now)
    removed: Mapped[datetime | None]


class PendingFile(Base):
    """A stored file of several images that wait to be chosen from; nothing of it is decoded."""

    __tablename__ = "pending_files"
    __table_args__ = (UniqueConstraint("project_id", "digest"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    name: Mapped[str]
    digest: Mapped[str]
    ticked: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))  # [scene, time] of each one ticked
    created: Mapped[datetime] = mapped_column(default=now)


class Run(Base):
    """One analysis of some images with one set of settings."""

    __tablename__ = "runs"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    status: Mapped[Status]
    settings: Mapped[dict[str, Any]]
    created: Mapped[datetime] = mapped_column(default=now)
    started: Mapped[datetime | None]
    finished: Mapped[datetime | None]
    removed: Mapped[datetime | None]
    images: Mapped[list[RunImageRow]] = relationship(
        order_by="RunImageRow.position", lazy="selectin", cascade="all, delete-orphan", passive_deletes=True
    )


class RunImageRow(Base):
    """One image of a run, with its result."""

    __tablename__ = "run_images"
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    image_id: Mapped[str] = mapped_column(ForeignKey("images.id"), primary_key=True, index=True)
    position: Mapped[int]
    stem: Mapped[str]
    status: Mapped[Status]
    n_cells: Mapped[int | None]
    summary: Mapped[dict[str, Any]] = mapped_column(default=dict)
    error: Mapped[str | None]
    image: Mapped[Image] = relationship(lazy="joined", innerjoin=True)


class Cell(Base):
    """The columns of a cell that tables and charts show; all other measurements are in the run's Parquet file."""

    __tablename__ = "cells"
    __table_args__ = (
        ForeignKeyConstraint(["run_id", "image_id"], ["run_images.run_id", "run_images.image_id"], ondelete="CASCADE"),
    )
    run_id: Mapped[str] = mapped_column(primary_key=True)
    image_id: Mapped[str] = mapped_column(primary_key=True)
    cell_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    centroid_y_px: Mapped[float]
    centroid_x_px: Mapped[float]
    area_px: Mapped[float]
    qc_pass: Mapped[bool]
    qc_reason: Mapped[str]
    label: Mapped[str]
    p_positive: Mapped[float | None]
    margin: Mapped[float | None]
    unsure: Mapped[bool]
    unlike_training: Mapped[bool]
    manual_label: Mapped[str]


class VectorFile(Base):
    """Where the vectors of an image of a run are, made in one of several ways; images may share a file."""

    __tablename__ = "vectors"
    __table_args__ = (
        ForeignKeyConstraint(["run_id", "image_id"], ["run_images.run_id", "run_images.image_id"], ondelete="CASCADE"),
    )
    run_id: Mapped[str] = mapped_column(primary_key=True)
    image_id: Mapped[str] = mapped_column(primary_key=True)
    settings_key: Mapped[str] = mapped_column(primary_key=True)  # of the `VectorSettings`
    settings: Mapped[dict[str, Any]]
    encoder: Mapped[str]  # "name@revision"
    key: Mapped[str] = mapped_column(index=True)  # of the file, see `cellapp.store.vectors`


class Head(Base):
    """A head that a project keeps; its files are shared by all projects that have the same one."""

    __tablename__ = "heads"
    __table_args__ = (UniqueConstraint("project_id", "identity"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    identity: Mapped[str] = mapped_column(index=True)  # "name@version"
    metrics: Mapped[dict[str, Any]]  # its metrics.json
    created: Mapped[datetime] = mapped_column(default=now)
    removed: Mapped[datetime | None]


class Job(Base):
    """One piece of long work."""

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_status_created", "status", "created"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    project_id: Mapped[str | None] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    status: Mapped[Status]
    urgent: Mapped[bool] = mapped_column(default=False)
    step: Mapped[str] = mapped_column(default="")
    fraction: Mapped[float] = mapped_column(default=0.0)
    seconds_left: Mapped[float | None]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    error: Mapped[str | None]
    worker: Mapped[str | None]
    heartbeat: Mapped[datetime | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    attempts: Mapped[int] = mapped_column(default=0)
    created: Mapped[datetime] = mapped_column(default=now)
    started: Mapped[datetime | None]
    finished: Mapped[datetime | None]
