"""Tables that people write, index.csv above all, as spreadsheets save them: read as texts, or the cause named."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cellapp.errors import InputError, why_unread

SEPARATORS = ",;\t|"
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WORKBOOKS = (b"PK\3\4", b"\xd0\xcf\x11\xe0")
_NOT_SEEN = " \t\r\n\f\v\u00a0\u200b\ufeff"  # blanks, and what word processors leave beside them

_MOST_BYTES = 2**30
csv.field_size_limit(_MOST_BYTES)  # a file's limit is that of its values: run lengths of one mask may be long
_MOST_NAMES, _MOST_NAME, _MOST_VALUES = 2_000, 50, 20_000_000
"""Columns and letters of a name, which are many, and values, which take some 100 bytes each."""


def read_table(path: Path, wanted: Sequence[str], optional: Sequence[str] = ()) -> pd.DataFrame:
    r"""Read a table of texts with a line of names above it.

    The separator is the comma, semicolon, tab or ``|`` that cuts the line of names into most columns, or what a first
    line ``sep=`` names; the text is UTF-8 or UTF-16. Blanks around names and values do not count, nor do empty lines
    and columns without a name.

    Parameters
    ----------
    path : Path
    wanted : sequence of str
        Columns that must be there, whatever their case; they get these names.
    optional : sequence of str
        Columns that get these names where they are there.

    Returns
    -------
    DataFrame of str
        Indexed by the line of the file, counted from 1; a value that is missing is "".

    Raises
    ------
    InputError
        When the file cannot be read, is no such text, has lines longer than its line of names, or lacks a column.
    """
    names, rows = _cut(_decode(path), path)
    table = pd.DataFrame(list(rows.values()), index=list(rows), columns=names, dtype=object)
    table = table.loc[:, [name != "" for name in names]]
    table = table.rename(columns={_find(table, name, path): name for name in (*wanted, *optional)})
    for name in wanted:
        if name not in table:
            raise InputError(f"{path} has no column {name!r}; it has {', '.join(map(repr, table.columns)) or 'none'}")
    return table


def _decode(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(
                f"{path} has {path.stat().st_size:,} bytes; a table has at most {_MOST_BYTES:,}: divide it"
            )
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {why_unread(error)}") from error
    if content.startswith(_WORKBOOKS):
        raise InputError(f"{path} is a workbook of a spreadsheet, not text: save it as CSV UTF-8")
    try:
        return content.decode(_encoding(content))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}, line {line}: letters that are not UTF-8; save it as CSV UTF-8") from error


def _encoding(content: bytes) -> str:
    """Return the encoding by the mark at its beginning or, of UTF-16 without one, by where the zeros are."""
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    if marked or 0 not in content[:4]:
        return marked or "utf-8"
    return "utf-16-le" if content[1] == 0 else "utf-16-be"


def _cut(text: str, path: Path) -> tuple[list[str], dict[int, list[str]]]:
    """Return the names of the columns, and the values of each line that has any."""
    first = next((line for line in text.splitlines() if line.strip(_NOT_SEEN)), "")
    declaration = first.lstrip(_NOT_SEEN + '"')
    declared = declaration[4:5] if declaration.lower().startswith("sep=") else ""
    if len(first) > _MOST_NAMES * _MOST_NAME:
        raise InputError(f"{path} has {len(first):,} letters in its line of names; is it a table at all?")
    rows = _parse(text, declared or _separator(first), path)
    lines = list(rows)[1 if declared else 0 :]
    names = rows[lines[0]] if lines else []
    if len(names) > _MOST_NAMES or len(names) * len(lines) > _MOST_VALUES:
        raise InputError(
            f"{path} has {len(names):,} columns and {len(lines):,} lines; a table has at most {_MOST_NAMES:,} columns "
            f"and {_MOST_VALUES:,} values: leave out what is not needed"
        )
    return names, {line: _fitted(rows[line], len(names), f"{path}, line {line}") for line in lines[1:]}


def _parse(text: str, separator: str, path: Path) -> dict[int, list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    try:
        rows = ((row, reader.line_num) for row in reader)
        stripped = {line: [value.strip(_NOT_SEEN) for value in row] for row, line in rows}
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}; quote the whole value or none of it") from error
    return {line: row for line, row in stripped.items() if any(row)}


def _separator(names: str) -> str:
    return max(SEPARATORS, key=lambda sign: len(next(csv.reader([names], delimiter=sign), [])))


def _fitted(row: list[str], n: int, where: str) -> list[str]:
    if any(row[n:]):
        raise InputError(f"{where}: {len(row)} values under {n} names; put a value that holds the separator in quotes")
    return (row + [""] * n)[:n]


def _find(table: pd.DataFrame, name: str, path: Path) -> str:
    """Return the column that is meant by a name: the one that is equal, else the one that differs in case only."""
    alike = [column for column in table.columns if column.casefold() == name.casefold()]
    meant = [column for column in alike if column == name] or alike
    if len(meant) > 1:
        raise InputError(f"{path} has {len(meant)} columns {name!r}; rename or take out all but one")
    return meant[0] if meant else name
