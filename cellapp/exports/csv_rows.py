"""Tables as CSV, byte for byte as pandas writes them, in less time: 50,000 cells have a million numbers."""

from __future__ import annotations

import csv
from typing import IO, Any

import numpy as np
import pandas as pd

_ROWS = 5_000  # turned to values of Python at once: bounds the memory


def write_rows(table: pd.DataFrame, file: IO[str]) -> None:
    """Write a table as ``DataFrame.to_csv`` does with plain line ends; an index without a name is left out.

    Parameters
    ----------
    table : DataFrame
    file : text file, open for writing without translation of line ends
    """
    named = table.index.name is not None
    columns = [*([table.index] if named else []), *(table.iloc[:, at] for at in range(table.shape[1]))]
    if not columns or not all(_is_plain(column.dtype) for column in columns):
        table.to_csv(file, index=named, lineterminator="\n")
        return
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*([table.index.name] if named else []), *table.columns])
    for start in range(0, len(table), _ROWS):
        some = [_values(column[start : start + _ROWS]) for column in columns]
        writer.writerows(zip(*some, strict=True))


def _is_plain(kind: Any) -> bool:
    """Whether columns of a type are texts, truths or numbers whose shortest text is the same in Python and NumPy."""
    return kind == np.float64 or (isinstance(kind, np.dtype) and kind.kind in "iubO")


def _values(column: pd.Series | pd.Index) -> list[Any]:
    """Return values as Python has them; a missing one is an empty text."""
    values = column.to_numpy().tolist()
    for at in np.flatnonzero(np.asarray(column.isna())):
        values[at] = ""
    return values
