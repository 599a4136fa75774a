"""The table of edits of label images; see `cellapp.store.schema` for all others and for how to change one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cellapp.store.schema import Base, now


class MaskEdit(Base):
    """A correction of the cells of an image of a run. Rows are added only: undo and redo are rows, too."""

    __tablename__ = "mask_edits"
    __table_args__ = (
        ForeignKeyConstraint(["run_id", "image_id"], ["run_images.run_id", "run_images.image_id"], ondelete="CASCADE"),
        UniqueConstraint("run_id", "image_id", "number"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str]
    image_id: Mapped[str]
    number: Mapped[int]  # from 1 in each image of a run
    edit: Mapped[dict[str, Any]]  # see `cellapp.editing.edit.edit_to_json`
    cells: Mapped[list[Any]] = mapped_column(JSON())  # ids of those it changed
    highest_id: Mapped[int]  # that any cell had until then
    sentence: Mapped[str]
    who: Mapped[str]
    created: Mapped[datetime] = mapped_column(default=now)
