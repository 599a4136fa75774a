"""The tables about files on the disk; see `cellapp.store.schema` for all others and for how to change one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from cellapp.store.schema import Base, now


class FileStore(Base):
    """Which folder of files belongs to this database: one row, see `cellapp.store.identity`."""

    __tablename__ = "file_store"
    id: Mapped[str] = mapped_column(primary_key=True)


class DeletedFile(Base):
    """A stored file whose last image was deleted; only such files are cleaned away, see `cellapp.store.purge`."""

    __tablename__ = "deleted_files"
    digest: Mapped[str] = mapped_column(primary_key=True)
    deleted: Mapped[datetime] = mapped_column(default=now)
