"""Heads of a project: a row for each, and its folder below ``CELLAPP_HOME/heads``, never changed once it is there."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cellapp.classification.head_io import DESCRIPTION, load_head, save_head
from cellapp.errors import InputError
from cellapp.files import move_into_place
from cellapp.models.registry import stored_head
from cellapp.store.database import reading
from cellapp.store.kept_models import KeptModel, KeptModels, model_name
from cellapp.store.projects import project_row
from cellapp.store.schema import Head

_METRICS = "metrics.json"


@dataclass(frozen=True)
class HeadRecord(KeptModel):
    """A head that a project keeps, with the metrics of `cellapp.training.classifier.report.head_metrics`."""

    @property
    def folder(self) -> Path:
        """Folder of its files."""
        return stored_head(self.identity)


HEADS = KeptModels(Head, HeadRecord, "head")
list_heads, get_head, get_shown_head = HEADS.list, HEADS.get, HEADS.get_shown
remove_head, restore_head = HEADS.remove, HEADS.restore


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
    head = replace(head, name=model_name(name or head.name, "head"))
    with reading() as session:
        project_row(session, project_id)
    target = stored_head(head.identity)
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".", suffix=".part", dir=target.parent) as scratch:
        part = Path(scratch) / "head"
        shutil.copytree(folder, part)
        save_head(head, part)
        metrics = _with_identity(part / _METRICS, head.identity)
        _settle(part, target, head.name)
    return HEADS.add(project_id, head.identity, metrics)


def _settle(part: Path, target: Path, name: str) -> None:
    """Move a finished copy to where it belongs, unless the same head is there already."""
    if not target.exists():
        move_into_place(part, target)
    elif (part / DESCRIPTION).read_bytes() != (target / DESCRIPTION).read_bytes():
        raise InputError(f"another head is called {name!r} and has the same weights; give this one another name")


def _with_identity(path: Path, identity: str) -> dict[str, Any]:
    """Return the metrics beside a head with its identity, and write it there; nothing where there are none."""
    if not path.is_file():
        return {}
    try:
        metrics = json.loads(path.read_text(encoding="utf-8")) | {"head": identity}
    except (ValueError, TypeError) as error:
        raise InputError(f"{_METRICS} of the head cannot be read ({error}); copy or train it again") from error
    path.write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    return metrics
