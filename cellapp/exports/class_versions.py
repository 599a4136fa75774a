"""Versions of the classes of a run: what each head said of the same cells, beside the results in ``.classes/``.

One version is active: the files of the run show it. Others stay, with the maps that were made of them, until somebody
chooses them again. Cells, measurements and classes given by hand are the same in all.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock

from cellapp.classification.cell_columns import class_columns
from cellapp.errors import InputError
from cellapp.exports.run_json import read_run, require_analysed
from cellapp.exports.tables import read_cells, write_cells
from cellapp.files import atomic_write, move_into_place
from cellapp.settings import ClassifySettings

_FOLDER, _LIST, _LOCK = ".classes", "versions.json", "lock"
_OF_HEAD = ("encoder", "head", "demonstration", "calibrated", "not_explained", "encoder_crop", "weights_sha256")
_OF_MAPS = ("*/explanations", "*/maps_*.npz", "*/maps_by_method", "regions_*.parquet", "mean_maps_*.npz")


@dataclass(frozen=True)
class ClassVersion:
    """What one head, with one set of thresholds, said of the cells of a run."""

    head: str | None  # "name@version"; None: counted without classes
    settings: ClassifySettings
    made_by: Mapping[str, Any]  # what run.json says of the head: `_OF_HEAD`
    created: str  # ISO 8601, UTC

    @property
    def id(self) -> str:
        """12 hexadecimal digits: the same head with the same settings says the same, and is the same version."""
        # settings that are left as they are do not count: later versions of the program may have more of them
        chosen = self.settings.model_dump(mode="json", exclude={"head", "encoder"}, exclude_defaults=True)
        return hashlib.sha256(json.dumps([self.head, chosen], sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class ClassVersions:
    """The versions of a run, oldest first, and which one its files show."""

    versions: tuple[ClassVersion, ...] = ()
    active_id: str | None = None  # None: there is one alone, in the files

    @property
    def active(self) -> ClassVersion | None:
        """The version that the files show, or will as soon as they are written."""
        return self.of(self.active_id) if self.active_id else None

    def of(self, version_id: str) -> ClassVersion:
        """Return a version; raises InputError when there is no such one."""
        found = next((version for version in self.versions if version.id == version_id), None)
        if found is None:
            raise InputError(f"the run has no classes {version_id!r}; it has {', '.join(v.id for v in self.versions)}")
        return found


def now_utc() -> str:
    """Return the present time as `ClassVersion.created` has it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_versions(out: Path) -> ClassVersions:
    """Return the versions of a run; none where its classes were never made anew.

    Parameters
    ----------
    out : Path
        The run's folder.
    """
    path = out / _FOLDER / _LIST
    if not path.is_file():
        return ClassVersions()
    tree = json.loads(path.read_text(encoding="utf-8"))
    versions = (v | {"settings": ClassifySettings.model_validate(v["settings"])} for v in tree["versions"])
    return ClassVersions(tuple(ClassVersion(**version) for version in versions), tree["active"])


def add_version(out: Path, version: ClassVersion, tables: Mapping[str, pd.DataFrame]) -> ClassVersions:
    """Keep a version and make it the active one; the classes in the files become a version first.

    Parameters
    ----------
    out : Path
        The run's folder.
    version : ClassVersion
    tables : mapping of str to DataFrame
        Folder name of each image -> `class_columns` of its table.
    """
    with _alone(out):
        known = read_versions(out)
        if not known.versions:
            known = _keep_present(out)
        _write_tables(out, version, tables)
        others = tuple(one for one in known.versions if one.id != version.id)
        versions = known.versions if len(others) < len(known.versions) else (*others, version)
        return _activate(out, ClassVersions(versions, known.active_id), version.id)


def activate(out: Path, version_id: str) -> ClassVersions:
    """Make a version the active one. Raises InputError when there is no such one."""
    with _alone(out):
        known = read_versions(out)
        known.of(version_id)
        return _activate(out, known, version_id)


def version_table(out: Path, version_id: str, stem: str) -> pd.DataFrame | None:
    """Return the columns that a version gives to the cells of an image; None for one it does not know.

    Columns are those of a table of cells, indexed by ``cell_id``; none for a version without a head.
    """
    path = _table(out, version_id, stem)
    return read_cells(path) if path.is_file() else None


def write_version_table(out: Path, version_id: str, stem: str, table: pd.DataFrame) -> None:
    """Write the columns that a version gives to the cells of an image, see `version_table`."""
    write_cells(table, _table(out, version_id, stem))


def with_classes(cells: pd.DataFrame, columns: pd.DataFrame) -> pd.DataFrame:
    """Return a table of cells with other columns of classes, where an analysis would have put them.

    Classes given by hand stay; without any, a table without a head has no column of them.

    Parameters
    ----------
    cells : DataFrame
        Indexed by cell_id.
    columns : DataFrame
        From `version_table`, a row for each of `cells`.
    """
    by_hand = cells["manual_label"] if "manual_label" in cells else pd.Series("", cells.index, dtype=object)
    measured = cells.drop(columns=[*class_columns(cells), "manual_label"], errors="ignore")
    called = measured.join(columns) if len(columns.columns) else measured
    keep = len(columns.columns) > 0 or (by_hand.fillna("") != "").any()
    return called.assign(manual_label=by_hand) if keep else called


def version_of_run(run: Mapping[str, Any]) -> ClassVersion:
    """Return the version that an image's files show, from the content of its run.json."""
    return ClassVersion(
        head=run.get("head"),
        settings=ClassifySettings.model_validate(run["settings"].get("classify", {})),
        made_by={name: run[name] for name in _OF_HEAD if name in run},
        created=str(run.get("finished") or now_utc()),
    )


def _keep_present(out: Path) -> ClassVersions:
    """Keep the classes that the files show as the first version."""
    folders = require_analysed(out)
    runs = [read_run(folder / "run.json") for folder in folders]
    version = version_of_run(runs[0])
    tables = {folder.name: read_cells(folder / "cells.parquet") for folder in folders}
    _write_tables(out, version, {stem: cells[class_columns(cells)] for stem, cells in tables.items()})
    return ClassVersions((version,), version.id)


def _activate(out: Path, known: ClassVersions, version_id: str) -> ClassVersions:
    if known.active_id not in (None, version_id):
        _move_maps(out, out / _FOLDER / str(known.active_id) / "maps")
        _move_maps(out / _FOLDER / version_id / "maps", out)
    versions = [{**vars(v), "settings": v.settings.model_dump(mode="json")} for v in known.versions]
    with atomic_write(out / _FOLDER / _LIST) as part:
        part.write_text(json.dumps({"active": version_id, "versions": versions}, indent=1), encoding="utf-8")
    return ClassVersions(known.versions, version_id)


def _move_maps(source: Path, target: Path) -> None:
    """Move maps and what was measured on them: they explain the classes of one head only."""
    for path in [path for pattern in _OF_MAPS for path in source.glob(pattern)]:
        to = target / path.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(to, ignore_errors=True)
        move_into_place(path, to)


def _write_tables(out: Path, version: ClassVersion, tables: Mapping[str, pd.DataFrame]) -> None:
    for stem, table in tables.items():
        write_version_table(out, version.id, stem, table)


def _table(out: Path, version_id: str, stem: str) -> Path:
    return out / _FOLDER / version_id / f"{stem}.parquet"


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Let one process at a time change the versions of a run."""
    (out / _FOLDER).mkdir(parents=True, exist_ok=True)
    with FileLock(out / _FOLDER / _LOCK):
        yield
