"""Lists of labelled pictures: a folder per class, or an index.csv."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from cellapp.encoders.crop_folder import list_crops
from cellapp.errors import InputError
from cellapp.evaluation.mixtures import pure_classes
from cellapp.files import is_litter
from cellapp.images.formats.inside import leads_out
from cellapp.images.formats.sniff import HEAD_BYTES, reading, sniff
from cellapp.images.read import file_digest
from cellapp.labelling.class_names import check_classes
from cellapp.text_table import read_table

INDEX = "index.csv"


@dataclass(frozen=True, eq=False)
class LabelledCrops:
    """N pictures of single cells with the class and the group of each."""

    folder: Path
    files: Sequence[str]  # N paths relative to `folder`
    labels: Sequence[str]  # N classes, or mixtures of classes as "cancer:normal=1:2"
    groups: Sequence[str]  # N; each picture is its own group without a column of groups
    grouped_by: str | None  # name of the column; None when pictures are their own groups
    index_sha256: str | None = None
    left_out: tuple[str, ...] = ()  # a sentence for each line of the index that names no picture of a cell

    def __len__(self) -> int:
        return len(self.files)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, sorted; mixtures are none."""
        return pure_classes(self.labels)

    @property
    def pure(self) -> np.ndarray:
        """Which pictures have one class, (N,) bool; the others are fields of known mixtures."""
        return np.isin(np.asarray(self.labels, str), self.classes)

    def subset(self, rows: Sequence[int]) -> LabelledCrops:
        """Return some of the pictures."""
        columns = ([values[row] for row in rows] for values in (self.files, self.labels, self.groups))
        return LabelledCrops(self.folder, *columns, self.grouped_by, self.index_sha256, self.left_out)


def read_labelled_crops(folder: Path, group_column: str | None = None) -> LabelledCrops:
    """List labelled pictures.

    Parameters
    ----------
    folder : Path
        Holds ``index.csv``, as spreadsheets save it, with the columns ``file`` (relative to the folder) and ``class``,
        see `cellapp.text_table.read_table`; or one folder per class. A field of a known mixture has a class such as
        "cancer:normal=1:2", see `cellapp.evaluation.mixtures`. What operating systems
        leave in folders is passed over, in a list of files, too.
    group_column : str, optional
        Column of the index with the slide, plate or patient. None takes ``group`` where there is one; without groups
        every picture is its own.

    Returns
    -------
    LabelledCrops

    Raises
    ------
    InputError
        When there are fewer than two classes, a column, value or file is missing, a file comes twice, two classes
        differ in spelling alone, or a class has a name that cells without a class are counted under.
    """
    if not folder.is_dir():
        raise InputError(f"no folder {str(folder)!r}: name one that holds a folder per class or {INDEX}")
    crops = _by_index(folder, group_column) if (folder / INDEX).is_file() else _by_folders(folder, group_column)
    check_classes(crops.classes)
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
    wanted = ["file", "class"] + ([group_column] if group_column else [])
    table = read_table(path, wanted, [] if group_column else ["group"])
    grouped_by = group_column or ("group" if "group" in table else None)
    litter = [line for line, name in table["file"].items() if is_litter(name) and not _is_image(folder, name)]
    left_out = tuple(f"{name}: an operating system or editor leaves such files" for name in table["file"][litter])
    table = table.drop(index=litter)
    _check_values(table, path, [name for name in ("file", "class", grouped_by) if name])
    files = [_with_slashes(name, folder) for name in table["file"]]
    _check_files(pd.Series(files, dtype=object), folder)
    groups = table[grouped_by].tolist() if grouped_by else files
    return LabelledCrops(folder, files, table["class"].tolist(), groups, grouped_by, file_digest(path), left_out)


def _check_values(table: pd.DataFrame, path: Path, columns: Sequence[str]) -> None:
    for name in columns:
        empty = table.index[table[name] == ""]
        if len(empty):
            raise InputError(f"{path}, line {empty[0]}: {name} is empty; fill it in or take the line out")


def _with_slashes(name: str, folder: Path) -> str:
    """Return a path as written on any system in the form of this one."""
    return PurePosixPath(name if (folder / name).is_file() else name.replace("\\", "/")).as_posix()


def _is_image(folder: Path, name: str) -> bool:
    path = folder / _with_slashes(name, folder)
    with reading(name):
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return sniff(file.read(HEAD_BYTES)) is not None


def _check_files(files: pd.Series, folder: Path) -> None:
    twice = files[files.duplicated()]
    if len(twice):
        raise InputError(f"{folder / INDEX} names {twice.iloc[0]!r} twice; a picture has one class")
    for name in files:
        if leads_out(folder, folder / name) or not (folder / name).is_file():
            raise InputError(f"{folder / INDEX} names {name!r}, which is not in that folder; mend the index")
