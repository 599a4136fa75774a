"""The table of evaluations; see `cellapp.store.schema` for all others and for how to change one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from cellapp.store.schema import Base, now


class HeadEvaluation(Base):
    """A head was scored on images that it had not seen. Rows are added only, and outlive head, run and image."""

    __tablename__ = "head_evaluations"
    id: Mapped[int] = mapped_column(primary_key=True)  # ascending: the order in which they were made
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    weights: Mapped[str]  # version of the head: start of the digest of its weights, whatever it is called
    classes: Mapped[list[str]]  # sorted
    grouped_by: Mapped[str]
    images: Mapped[dict[str, Any]]  # name -> {"run": id, "image": id, "group": what it was held out with}
    created: Mapped[datetime] = mapped_column(default=now)
