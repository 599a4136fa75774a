"""The tables of regions drawn on images; see `cellapp.store.schema` for all others and for how to change one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cellapp.store.schema import Base, new_id, now


class ImageRegion(Base):
    """An area drawn on an image that limits the runs to come."""

    __tablename__ = "image_regions"
    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    image_id: Mapped[str] = mapped_column(ForeignKey("images.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    keep: Mapped[bool]
    polygons: Mapped[list[Any]] = mapped_column(JSON())  # see `cellapp.types.drawn_regions`
    who: Mapped[str]  # that drew or changed it last
    created: Mapped[datetime] = mapped_column(default=now)
    changed: Mapped[datetime] = mapped_column(default=now)
    removed: Mapped[datetime | None]


class RunRegions(Base):
    """The regions of an image as they were when a run was made; no row where there were none."""

    __tablename__ = "run_regions"
    __table_args__ = (
        ForeignKeyConstraint(["run_id", "image_id"], ["run_images.run_id", "run_images.image_id"], ondelete="CASCADE"),
    )
    run_id: Mapped[str] = mapped_column(primary_key=True)
    image_id: Mapped[str] = mapped_column(primary_key=True)
    regions: Mapped[list[Any]] = mapped_column(JSON())  # [name, keep, polygons] of each
