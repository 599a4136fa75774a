"""Outlines of cells that are in a file already, and are not drawn again when classes or other cells change."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import pandas as pd

from cellapp.exports.geojson import FEATURE_START, cell_properties
from cellapp.files import atomic_write

_CELL_ID = re.compile(r'"cell_id": (\d+)')


def read_outlines(path: Path) -> dict[int, str]:
    """Return the outline of each cell in a file that `write_geojson` wrote, as JSON; none where it is not there."""
    outlines = {}
    with path.open(encoding="utf-8") if path.is_file() else nullcontext(()) as lines:
        for outline, separator, rest in (line.partition(', "properties": ') for line in lines):
            if separator and (cell_id := _CELL_ID.search(rest)):
                outlines[int(cell_id[1])] = outline.removeprefix(FEATURE_START)
    return outlines


def reclassify_geojson(path: Path, cells: pd.DataFrame, *, classes: Sequence[str] = ()) -> bool:
    """Write other classes into a file that `write_geojson` wrote of the same cells; no outline is drawn again.

    Parameters
    ----------
    path : Path
    cells, classes
        See `write_geojson`.

    Returns
    -------
    bool
        False, and the file is as it was, where it is not there or not of these cells in this order.
    """
    if not path.is_file():
        return False
    expected = cell_properties(cells, tuple(classes), "detection")
    with path.open(encoding="utf-8") as before, TemporaryFile("w+", encoding="utf-8", newline="\n") as after:
        if not _copy_outlines(before, after, expected):
            return False
        after.seek(0)
        with atomic_write(path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
            shutil.copyfileobj(after, file, 2**20)
    return True


def _copy_outlines(before: IO[str], after: IO[str], properties: Iterator[tuple[str, str]]) -> bool:
    """Copy features with other properties; returns whether each was of the cell that was expected."""
    after.write(before.readline())
    for line in before:
        if not line.startswith(FEATURE_START):
            after.write(line)
            continue
        of_cell, more = next(properties, (" ", ""))
        outline, separator, rest = line.partition(', "properties": ')
        if not rest.startswith(of_cell):
            return False
        end = "},\n" if line.endswith(",\n") else "}\n"
        after.write(f"{outline}{separator}{of_cell}{more}{end}")
    return next(properties, None) is None
