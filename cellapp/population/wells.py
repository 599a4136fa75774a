"""Wells of microplates: their names, where names of images say them, and the plate that holds them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from string import ascii_uppercase

from cellapp.errors import InputError

PLATES = ((2, 3), (3, 4), (4, 6), (6, 8), (8, 12), (16, 24), (32, 48))
"""Rows and columns of plates of 6 to 1,536 wells (ANSI/SLAS 4-2004 for 96 and more)."""

_NAME = r"(A[A-F]|[A-Z])[-_ ]?0?([1-9][0-9]?)"
_WELL = re.compile(_NAME, re.IGNORECASE)
_IN_TEXT = re.compile(rf"(?<![A-Za-z0-9]){_NAME}(?![A-Za-z0-9])", re.IGNORECASE)
_HARMONY = re.compile(r"(?<![A-Za-z0-9])r([0-9]{1,2})c([0-9]{1,2})(?=f[0-9]|[^0-9A-Za-z]|$)", re.IGNORECASE)
_USUAL = re.compile(r"(?<![A-Za-z0-9])(?:A[A-F]|[A-Z])[0-9]{2}(?![A-Za-z0-9])")


@dataclass(frozen=True, order=True)
class Well:
    """A place on a plate."""

    row: int  # from 0
    column: int  # from 0

    @property
    def row_name(self) -> str:
        """A to Z, then AA to AF."""
        return ascii_uppercase[self.row] if self.row < 26 else f"A{ascii_uppercase[self.row - 26]}"

    @property
    def name(self) -> str:
        """Row and column, as in "B03"."""
        return f"{self.row_name}{self.column + 1:02d}"


def parse_well(text: str) -> Well:
    """Read the name of a well: "B3", "b03" and "B-03" are one.

    Raises
    ------
    InputError
        When it is none of a plate of up to 32 rows and 48 columns.
    """
    found = _WELL.fullmatch(text.strip())
    well = _well(found[1], found[2]) if found else None
    if well is None:
        raise InputError(f"{text!r} is no well; write row and column, A01 to AF48")
    return well


def wells_in(text: str) -> tuple[Well, ...]:
    """List the wells that the name of an image may speak of, each once.

    Names hold fields, channels and times that look like wells ("F1", "C2"). Where a word is written as instruments
    write wells, a capital and two digits ("B03") or ``r02c03``, only such words count.
    """
    harmony = [Well(int(row) - 1, int(column) - 1) for row, column in _HARMONY.findall(text)]
    spaced = text.replace("_", " ")
    usual = [parse_well(word) for word in _USUAL.findall(spaced) if _well_or_none(word)]
    loose = [well for row, column in _IN_TEXT.findall(spaced) if (well := _well(row, column))]
    found = [well for well in harmony if _on_a_plate(well)] or usual or loose
    return tuple(dict.fromkeys(found))


def plate_shape(wells: Iterable[Well]) -> tuple[int, int]:
    """Return rows and columns of the smallest usual plate that has these wells."""
    wells = list(wells)
    rows, columns = max((w.row for w in wells), default=0) + 1, max((w.column for w in wells), default=0) + 1
    return next((h, w) for h, w in PLATES if h >= rows and w >= columns)


def plate_words(plate: str) -> str:
    """Return what a plate is called at the beginning of a title or sentence: "Plate 2" of "2" and of "Plate 2"."""
    return plate if plate.lower().startswith("plate") else f"Plate {plate}".strip()


def _well_or_none(text: str) -> Well | None:
    found = _WELL.fullmatch(text)
    return _well(found[1], found[2]) if found else None


def _well(row: str, column: str) -> Well | None:
    letters = row.upper()
    well = Well(ascii_uppercase.index(letters[-1]) + 26 * (len(letters) - 1), int(column) - 1)
    return well if _on_a_plate(well) else None


def _on_a_plate(well: Well) -> bool:
    rows, columns = PLATES[-1]
    return 0 <= well.row < rows and 0 <= well.column < columns
