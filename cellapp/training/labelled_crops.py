"""Lists of labelled pictures: a folder per class, or an index.csv."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cellapp.encoders.crop_folder import list_crops
from cellapp.errors import InputError
from cellapp.images.read import file_digest

INDEX = "index.csv"


@dataclass(frozen=True, eq=False)
class LabelledCrops:
    """N pictures of single cells with the class and the group of each."""

    folder: Path
    files: Sequence[str]  # N paths relative to `folder`
    labels: Sequence[str]  # N
    groups: Sequence[str]  # N; each picture is its own group without a column of groups
    grouped_by: str | None  # name of the column; None when pictures are their own groups
    index_sha256: str | None = None

    def __len__(self) -> int:
        return len(self.files)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, sorted."""
        return tuple(sorted(set(self.labels)))

    def subset(self, rows: Sequence[int]) -> LabelledCrops:
        """Return some of the pictures."""
        columns = ([values[row] for row in rows] for values in (self.files, self.labels, self.groups))
        return LabelledCrops(self.folder, *columns, self.grouped_by, self.index_sha256)


def read_labelled_crops(folder: Path, group_column: str | None = None) -> LabelledCrops:
    """List labelled pictures.

    Parameters
    ----------
    folder : Path
        Holds ``index.csv`` with the columns ``file`` (relative to the folder) and ``class``, or one folder per class.
    group_column : str, optional
        Column of the index with the slide, plate or patient. None takes ``group`` where there is one; without groups
        every picture is its own.

    Returns
    -------
    LabelledCrops

    Raises
    ------
    InputError
        When there are fewer than two classes, a column, value or file is missing, or a file comes twice.
    """
    if not folder.is_dir():
        raise InputError(f"no folder {str(folder)!r}: name one that holds a folder per class or {INDEX}")
    crops = _by_index(folder, group_column) if (folder / INDEX).is_file() else _by_folders(folder, group_column)
    if len(crops.classes) < 2:
        raise InputError(f"training needs pictures of at least two classes; got {', '.join(crops.classes) or 'none'}")
    return crops


def _by_folders(folder: Path, group_column: str | None) -> LabelledCrops:
    if group_column is not None:
        raise InputError(f"groups need a column {group_column!r} in {folder / INDEX}, and there is no such file")
    files = [path.relative_to(folder) for path in list_crops(folder)]
    loose = [file for file in files if len(file.parts) < 2]
    if loose:
        raise InputError(f"{loose[0].as_posix()!r} lies in no class: move it into a folder named after its class")
    names = [file.as_posix() for file in files]
    return LabelledCrops(folder, names, [file.parts[0] for file in files], names, None)


def _by_index(folder: Path, group_column: str | None) -> LabelledCrops:
    path = folder / INDEX
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {str(path)!r}: {error}") from error
    grouped_by = group_column or ("group" if "group" in table else None)
    _check_columns(table, path, [name for name in ("file", "class", grouped_by) if name])
    _check_files(table["file"], folder)
    groups = table[grouped_by or "file"].tolist()
    return LabelledCrops(folder, table["file"].tolist(), table["class"].tolist(), groups, grouped_by, file_digest(path))


def _check_columns(table: pd.DataFrame, path: Path, wanted: Sequence[str]) -> None:
    for name in wanted:
        if name not in table:
            raise InputError(f"{path} has no column {name!r}; it has {', '.join(map(repr, table.columns))}")
        empty = np.flatnonzero(table[name].str.strip() == "")
        if len(empty):
            raise InputError(f"{path}, line {empty[0] + 2}: {name} is empty; fill it in or take the line out")


def _check_files(files: pd.Series, folder: Path) -> None:
    twice = files[files.duplicated()]
    if len(twice):
        raise InputError(f"{folder / INDEX} names {twice.iloc[0]!r} twice; a picture has one class")
    home = folder.resolve()
    for name in files:
        path = (folder / name).resolve()
        if not path.is_relative_to(home) or not path.is_file():
            raise InputError(f"{folder / INDEX} names {name!r}, which is not in that folder; mend the index")
