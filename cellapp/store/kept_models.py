"""What the models that a project keeps have in common: a row for each, which names a folder that never changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from cellapp.errors import InputError, StoreError
from cellapp.files import clean_text
from cellapp.store.database import reading, writing
from cellapp.store.json_values import json_mapping
from cellapp.store.projects import project_row
from cellapp.store.schema import Head, now
from cellapp.store.segmenter_schema import SegmenterRow

_SIGNS = '/\\@"<>:|?*'  # a name is part of an identity, of file names and of addresses


@dataclass(frozen=True)
class KeptModel:
    """A model that a project keeps."""

    id: str
    project_id: str
    identity: str  # "name@version": what settings of runs name it by
    metrics: Mapping[str, Any]
    created: datetime
    removed: datetime | None = None

    @property
    def name(self) -> str:
        """Name without the version."""
        return self.identity.rpartition("@")[0]


Row = TypeVar("Row", Head, SegmenterRow)
Record = TypeVar("Record", bound=KeptModel)


class KeptModels(Generic[Row, Record]):
    """The rows of one kind of model, in all projects.

    Parameters
    ----------
    table : type
        The class of their rows.
    record : type of KeptModel
        What is made of a row.
    kind : str
        "head" or "segmenter": what messages call them.
    """

    def __init__(self, table: type[Row], record: type[Record], kind: str) -> None:
        self._table, self._of, self._kind = table, record, kind

    def list(self, project_id: str, *, removed: bool = False) -> tuple[Record, ...]:
        """Return the models of a project, newest first; those in the bin instead when `removed`."""
        table = self._table
        in_bin = table.removed.is_not(None) if removed else table.removed.is_(None)
        query = select(table).where(table.project_id == project_id, in_bin)
        with reading() as session:
            return tuple(map(self._record, session.scalars(query.order_by(table.created.desc(), table.id))))

    def get(self, model_id: str) -> Record:
        """Return a model by the id of its row, one in the bin too. Raises StoreError when there is none."""
        with reading() as session:
            return self._record(self._row(session, model_id))

    def get_shown(self, model_id: str) -> Record:
        """Return a model as visitors may see it. Raises StoreError for one in the bin, too."""
        model = self.get(model_id)
        if model.removed is not None:
            raise StoreError(f"{self._kind} {model_id!r} was deleted; bring it back on the Models page")
        return model

    def add(self, project_id: str, identity: str, metrics: Mapping[str, Any]) -> Record:
        """Write the row of a model whose folder is in its place; one that is there comes back from the bin."""
        table = self._table
        same = select(table).where(table.project_id == project_id, table.identity == identity)
        with writing() as session:
            project_row(session, project_id)
            row = session.scalar(same)
            if row is None:
                row = table(project_id=project_id, identity=identity, metrics=json_mapping(metrics))
                session.add(row)
            row.removed = None
            session.flush()
            return self._record(row)

    def remove(self, model_id: str) -> Record:
        """Put a model into the bin: it leaves the lists; runs that used it can be opened all the same."""
        return self._set_removed(model_id, now())

    def restore(self, model_id: str) -> Record:
        """Take a model out of the bin."""
        return self._set_removed(model_id, None)

    def delete_removed(self, older_than_s: float) -> tuple[int, set[str]]:
        """Delete the rows of models that have been in the bin for so many seconds.

        Returns
        -------
        int
            How many left their project.
        set of str
            Identities that no project keeps any more.
        """
        table = self._table
        with writing() as session:
            rows = session.scalars(select(table).where(table.removed < now() - timedelta(seconds=older_than_s))).all()
            gone = {row.identity for row in rows}
            for row in rows:
                session.delete(row)
            session.flush()
            return len(rows), gone - set(session.scalars(select(table.identity).where(table.identity.in_(gone))))

    def _set_removed(self, model_id: str, removed: datetime | None) -> Record:
        with writing() as session:
            row = self._row(session, model_id)
            row.removed = removed
            return self._record(row)

    def _row(self, session: Session, model_id: str) -> Row:
        row = session.get(self._table, model_id)
        if row is None:
            raise StoreError(f"no {self._kind} {model_id!r}; it may have been deleted, choose another one")
        return row

    def _record(self, row: Row) -> Record:
        return self._of(row.id, row.project_id, row.identity, dict(row.metrics), row.created, row.removed)


def model_name(name: str, kind: str) -> str:
    """Return a name that a model of a project may have, spaces around it left out.

    Parameters
    ----------
    name : str
    kind : str
        "head" or "segmenter", for the message.

    Raises
    ------
    InputError
        When it is empty or has one of the signs that file names and identities cannot have.
    """
    cleaned = clean_text(name) if name.strip() else ""
    if not cleaned.strip(".") or any(sign in cleaned for sign in _SIGNS):
        raise InputError(f"a {kind} needs a name without any of {' '.join(_SIGNS)}; got {name!r}")
    return cleaned
