"""Segmenters of a project: a row for each, and its folder below ``CELLAPP_HOME/segmenters``, never changed again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from sqlalchemy import select

from cellapp.errors import InputError, StoreError
from cellapp.exports.zip_bundle import write_bundle
from cellapp.files import move_into_place
from cellapp.models.checksums import sha256
from cellapp.models.registry import STORED_SEGMENTER, stored_segmenter
from cellapp.store.database import reading, writing
from cellapp.store.heads import head_name
from cellapp.store.json_values import json_mapping
from cellapp.store.projects import project_row
from cellapp.store.schema import now
from cellapp.store.segmenter_schema import SegmenterRow

NETWORK, CELLPOSE = "weights.safetensors", "cellpose"
"""Weights of a network of `train-segmenter`, and a file in Cellpose's own format."""
_BESIDE = ("config.json", "metrics.json", "curves.json")


@dataclass(frozen=True)
class SegmenterRecord:
    """A segmenter that a project keeps."""

    id: str
    project_id: str
    identity: str  # "name@version": what settings of runs name it by
    metrics: Mapping[str, Any]  # see `cellapp.training.segmenter.retrain.retrain`
    created: datetime
    removed: datetime | None = None

    @property
    def name(self) -> str:
        """Name without the version."""
        return self.identity.rpartition("@")[0]

    @property
    def folder(self) -> Path:
        """Folder of its files."""
        return stored_segmenter(self.identity)

    @property
    def of_cellpose(self) -> bool:
        """Whether its weights are a file that Cellpose reads."""
        return (self.folder / CELLPOSE).is_file()


def add_segmenter(project_id: str, folder: Path, name: str) -> SegmenterRecord:
    """Keep a segmenter in a project; one that is there already stays as it is, and comes back from the bin.

    Parameters
    ----------
    project_id : str
    folder : Path
        With `NETWORK` and config.json, or `CELLPOSE`; and metrics.json.
    name : str

    Raises
    ------
    InputError
        When the folder holds no segmenter, or the name cannot be one.
    """
    name = head_name(name, "segmenter")
    weights = next((path for file in (NETWORK, CELLPOSE) if (path := folder / file).is_file()), None)
    if weights is None:
        raise InputError(f"{str(folder)!r} holds no segmenter; train one with train-segmenter")
    identity = f"{name}@{sha256(weights)[:12]}"
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    target = stored_segmenter(identity)
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".", suffix=".part", dir=target.parent) as scratch:
        part = Path(scratch) / "segmenter"
        part.mkdir()
        for path in (weights, *(folder / file for file in _BESIDE)):
            if path.is_file():
                shutil.copyfile(path, part / path.name)
        (part / STORED_SEGMENTER).write_text(json.dumps({"name": name}) + "\n", encoding="utf-8")
        if not target.exists():
            move_into_place(part, target)
    return _add_row(project_id, identity, metrics)


def list_segmenters(project_id: str, *, removed: bool = False) -> tuple[SegmenterRecord, ...]:
    """Return the segmenters of a project, newest first; those in the bin instead when `removed`."""
    in_bin = SegmenterRow.removed.is_not(None) if removed else SegmenterRow.removed.is_(None)
    query = select(SegmenterRow).where(SegmenterRow.project_id == project_id, in_bin)
    with reading() as session:
        rows = session.scalars(query.order_by(SegmenterRow.created.desc(), SegmenterRow.id))
        return tuple(_record(row) for row in rows)


def get_segmenter(segmenter_id: str) -> SegmenterRecord:
    """Return a segmenter by the id of its row, one in the bin too. Raises StoreError when there is none."""
    with reading() as session:
        row = session.get(SegmenterRow, segmenter_id)
        if row is None:
            raise StoreError(f"no segmenter {segmenter_id!r}; it may have been deleted, choose another one")
        return _record(row)


def remove_segmenter(segmenter_id: str, *, back: bool = False) -> SegmenterRecord:
    """Put a segmenter into the bin, or take it `back`; its files stay, so that runs that name it go on."""
    get_segmenter(segmenter_id)
    with writing() as session:
        row = session.get_one(SegmenterRow, segmenter_id)
        row.removed = None if back else now()
        return _record(row)


def export_segmenter(record: SegmenterRecord, stream: IO[bytes]) -> None:
    """Write a file in Cellpose's format as it is, and any other segmenter as one zip of its folder."""
    if record.of_cellpose:
        with (record.folder / CELLPOSE).open("rb") as weights:
            shutil.copyfileobj(weights, stream)
    else:
        write_bundle(record.folder, stream)


def _add_row(project_id: str, identity: str, metrics: Mapping[str, Any]) -> SegmenterRecord:
    same = select(SegmenterRow).where(SegmenterRow.project_id == project_id, SegmenterRow.identity == identity)
    with writing() as session:
        project_row(session, project_id)
        row = session.scalar(same)
        if row is None:
            row = SegmenterRow(project_id=project_id, identity=identity, metrics=json_mapping(metrics))
            session.add(row)
        row.removed = None
        session.flush()
        return _record(row)


def _record(row: SegmenterRow) -> SegmenterRecord:
    return SegmenterRecord(row.id, row.project_id, row.identity, dict(row.metrics), row.created, row.removed)
