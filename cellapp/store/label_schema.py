"""The tables of labels; see `cellapp.store.schema` for all others and for how to change one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from cellapp.store.schema import Base, now


class Label(Base):
    """A class that a person gave to a cell. Rows are added and retracted, never changed: the last one counts."""

    __tablename__ = "labels"
    __table_args__ = (Index("ix_labels_run_id_image_id", "run_id", "image_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)  # ascending: the order in which they were given
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    image_id: Mapped[str] = mapped_column(ForeignKey("images.id", ondelete="CASCADE"), index=True)
    run_id: Mapped[str | None]  # on whose cells it was given; the run may be gone
    cell_id: Mapped[int | None]  # of that run; None: given for a position
    class_name: Mapped[str]
    who: Mapped[str]
    source: Mapped[str]  # see `cellapp.labelling.sources.LabelSource`
    y_px: Mapped[float]  # a point on the cell
    x_px: Mapped[float]
    outline: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # see `cellapp.labelling.outline`
    created: Mapped[datetime] = mapped_column(default=now)
    retracted: Mapped[datetime | None]


class LabelRule(Base):
    """Every cell of the images with a value in a column of the image table has a class."""

    __tablename__ = "label_rules"
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    column: Mapped[str]
    value: Mapped[str]
    class_name: Mapped[str]
    who: Mapped[str]
    created: Mapped[datetime] = mapped_column(default=now)
    retracted: Mapped[datetime | None]
