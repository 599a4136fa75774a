"""cells.csv for people and cells.parquet for programs."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from cellapp.errors import InputError
from cellapp.files import atomic_write

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")


def write_csv(table: pd.DataFrame, path: Path) -> Path:
    """Write a table that is safe to open in a spreadsheet.

    Texts that a spreadsheet would run as a formula get a leading apostrophe (OWASP, CSV injection); numbers stay as
    they are, negative ones too. A named index becomes the first column, an unnamed one is left out.
    """
    safe = table.rename(columns=escape_formula)
    for position, kind in enumerate(safe.dtypes):
        if not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind)):
            safe.isetitem(position, safe.iloc[:, position].map(escape_formula))
    with atomic_write(path) as part:
        safe.to_csv(part, index=safe.index.name is not None, lineterminator="\n")
    return path


def escape_formula(value: object) -> object:
    """Put an apostrophe before a text that starts with ``= + - @``, tab or a line break.

    A text that starts with apostrophes and then such a sign gets one more, so that taking one away always gives the
    original.
    """
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def write_cells(cells: pd.DataFrame, path: Path) -> Path:
    """Write a cell table to Parquet, without loss: index, types, missing values."""
    with atomic_write(path) as part:
        cells.to_parquet(part, compression="zstd")
    return path


def read_cells(path: Path) -> pd.DataFrame:
    """Read a cell table written by `write_cells`.

    Raises
    ------
    InputError
        If it is no Parquet file or has no cell ids.
    """
    try:
        cells = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name!r} cannot be read as Parquet: {error}") from error
    if cells.index.name != "cell_id":
        raise InputError(f"{path.name!r} is no cell table: it has no index cell_id; give one written by this program")
    return cells
