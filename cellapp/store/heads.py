"""Heads of a project: a row for each, and its folder below ``CELLAPP_HOME/heads``, never changed once it is there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cellapp.classification.head_io import DESCRIPTION, load_head, save_head
from cellapp.errors import InputError, StoreError
from cellapp.files import clean_text, move_into_place
from cellapp.models.registry import stored_head
from cellapp.store.database import reading, writing
from cellapp.store.json_values import json_mapping
from cellapp.store.projects import project_row
from cellapp.store.schema import Head, now

_METRICS = "metrics.json"
_SIGNS = '/\\@"<>:|?*'  # a name is part of an identity, of file names and of addresses


@dataclass(frozen=True)
class HeadRecord:
    """A head that a project keeps."""

    id: str
    project_id: str
    identity: str  # "name@version": what settings of runs name it by
    metrics: Mapping[str, Any]  # see `cellapp.training.classifier.report.head_metrics`; empty where it has none
    created: datetime
    removed: datetime | None = None

    @property
    def name(self) -> str:
        """Name without the version."""
        return self.identity.rpartition("@")[0]

    @property
    def folder(self) -> Path:
        """Folder of its files."""
        return stored_head(self.identity)


def head_name(name: str, what: str = "head") -> str:
    """Return a name that a head, or another model of a project, may have, spaces around it left out.

    Raises
    ------
    InputError
        When it is empty or has one of the signs that file names and identities cannot have.
    """
    cleaned = clean_text(name) if name.strip() else ""
    if not cleaned.strip(".") or any(sign in cleaned for sign in _SIGNS):
        raise InputError(f"a {what} needs a name without any of {' '.join(_SIGNS)}; got {name!r}")
    return cleaned


def add_head(project_id: str, folder: Path, name: str | None = None) -> HeadRecord:
    """Keep a head in a project; one that is there already stays as it is, and comes back from the bin.

    Parameters
    ----------
    project_id : str
    folder : Path
        As `cellapp.classification.head_io.save_head` writes it; all files in it are copied.
    name : str, optional
        The head's own when left out.

    Raises
    ------
    ModelError
        When the folder holds no head, or a damaged one.
    InputError
        When the name cannot be one, or another head has this name and the same weights.
    """
    head = load_head(folder)
    head = replace(head, name=head_name(name or head.name))
    with reading() as session:
        project_row(session, project_id)
    target = stored_head(head.identity)
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".", suffix=".part", dir=target.parent) as scratch:
        part = Path(scratch) / "head"
        shutil.copytree(folder, part)
        save_head(head, part)
        metrics = _named(part / _METRICS, head.identity)
        _settle(part, target, head.name)
    return _add_row(project_id, head.identity, metrics)


def list_heads(project_id: str, *, removed: bool = False) -> tuple[HeadRecord, ...]:
    """Return the heads of a project, newest first; those in the bin instead when `removed`."""
    in_bin = Head.removed.is_not(None) if removed else Head.removed.is_(None)
    query = select(Head).where(Head.project_id == project_id, in_bin).order_by(Head.created.desc(), Head.id)
    with reading() as session:
        return tuple(_record(row) for row in session.scalars(query))


def get_head(head_id: str) -> HeadRecord:
    """Return a head by the id of its row, one in the bin too. Raises StoreError when there is none."""
    with reading() as session:
        return _record(_row(session, head_id))


def get_shown_head(head_id: str) -> HeadRecord:
    """Return a head as visitors may see it. Raises StoreError for one in the bin, too."""
    head = get_head(head_id)
    if head.removed is not None:
        raise StoreError(f"head {head_id!r} was deleted; bring it back on the Models page")
    return head


def remove_head(head_id: str) -> HeadRecord:
    """Put a head into the bin: it leaves the lists; runs that used it can be opened all the same."""
    with writing() as session:
        row = _row(session, head_id)
        row.removed = now()
        return _record(row)


def restore_head(head_id: str) -> HeadRecord:
    """Take a head out of the bin."""
    with writing() as session:
        row = _row(session, head_id)
        row.removed = None
        return _record(row)


def _settle(part: Path, target: Path, name: str) -> None:
    """Move a finished copy to where it belongs, unless the same head is there already."""
    if not target.exists():
        move_into_place(part, target)
    elif (part / DESCRIPTION).read_bytes() != (target / DESCRIPTION).read_bytes():
        raise InputError(f"another head is called {name!r} and has the same weights; give this one another name")


def _named(path: Path, identity: str) -> dict[str, Any]:
    """Return the metrics beside a head with its identity, and write it there; nothing where there are none."""
    if not path.is_file():
        return {}
    try:
        metrics = json.loads(path.read_text(encoding="utf-8")) | {"head": identity}
    except (ValueError, TypeError) as error:
        raise InputError(f"{_METRICS} of the head cannot be read ({error}); copy or train it again") from error
    path.write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    return metrics


def _add_row(project_id: str, identity: str, metrics: Mapping[str, Any]) -> HeadRecord:
    with writing() as session:
        row = session.scalar(select(Head).where(Head.project_id == project_id, Head.identity == identity))
        if row is None:
            row = Head(project_id=project_id, identity=identity, metrics=json_mapping(metrics))
            session.add(row)
        row.removed = None
        session.flush()
        return _record(row)


def _row(session: Session, head_id: str) -> Head:
    row = session.get(Head, head_id)
    if row is None:
        raise StoreError(f"no head {head_id!r}; it may have been deleted, choose another one")
    return row


def _record(row: Head) -> HeadRecord:
    return HeadRecord(row.id, row.project_id, row.identity, dict(row.metrics), row.created, row.removed)
