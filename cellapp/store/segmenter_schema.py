"""The table of segmenters that projects keep; see `cellapp.store.schema` for all others and for how to change one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cellapp.store.schema import Base, new_id, now


class SegmenterRow(Base):
    """A segmenter of a project; its files lie in a folder of their own."""

    __tablename__ = "segmenters"
    __table_args__ = (UniqueConstraint("project_id", "identity"),)
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    identity: Mapped[str]  # "name@version"
    metrics: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created: Mapped[datetime] = mapped_column(default=now)
    removed: Mapped[datetime | None]
