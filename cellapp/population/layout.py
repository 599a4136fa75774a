"""The layout of plates: which treatment and dose each well got, and which wells are controls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from cellapp.errors import InputError
from cellapp.population.doses import Dose, parse_dose
from cellapp.population.wells import Well, parse_well
from cellapp.text_table import read_table

NEGATIVE, POSITIVE = "negative", "positive"
COLUMNS = ("plate", "well", "image", "treatment", "dose", "unit", "control")
_OPTIONAL = tuple(name for name in COLUMNS if name != "treatment")


@dataclass(frozen=True)
class Placed:
    """A line of a layout: a well, or an image, and what was done to its cells."""

    treatment: str
    plate: str = ""  # "" where there is one plate
    well: Well | None = None
    image: str = ""  # name of the image; "" where images are found by their well
    dose: Dose | None = None
    control: str = ""  # `NEGATIVE`, `POSITIVE` or "" for neither

    @property
    def where(self) -> str:
        """Plate and well, or the image, for messages."""
        return " ".join(part for part in (self.plate, self.well.name if self.well else self.image) if part)


def read_layout(path: Path, *, control: str | None = None, positive: str | None = None) -> list[Placed]:
    """Read a layout.

    Parameters
    ----------
    path : Path
        Table with the column ``treatment`` and ``well`` or ``image`` or both; ``plate``, ``dose``, ``unit`` of doses
        written without one and ``control`` ("negative", "positive" or blank) where there are any. Wells without a
        treatment are empty and left out.
    control, positive : str, optional
        Treatments that are the negative and the positive control; the column ``control`` says it when left out.

    Returns
    -------
    list of Placed
        At least one is a negative control.

    Raises
    ------
    InputError
        Names the line and the rule when the table cannot be used.
    """
    placed = read_lines(path, control=control, positive=positive)
    _require_controls(placed, path, control, positive)
    return placed


def read_lines(path: Path, *, control: str | None = None, positive: str | None = None) -> list[Placed]:
    """Read a layout whose controls may still have to be named; see `read_layout`."""
    table = read_table(path, ["treatment"], _OPTIONAL)
    if not {"well", "image"} & set(table.columns):
        raise InputError(f"{path} has neither a column 'well' nor one 'image'; one of them says where a treatment is")
    return list(_lines(table, path, control, positive))


def _lines(table: pd.DataFrame, path: Path, control: str | None, positive: str | None) -> Iterator[Placed]:
    seen: dict[tuple[str, Well | None, str], object] = {}
    of_well: dict[tuple[str, Well | None], Placed] = {}
    for line, row in table[table["treatment"] != ""].iterrows():
        try:
            one = _placed(row, control, positive)
        except InputError as error:
            raise InputError(f"{path}, line {line}: {error}") from error
        first = of_well.setdefault((one.plate, one.well), one) if one.well else one
        if (one.plate, one.well, one.image) in seen or replace(one, image=first.image) != first:
            other = seen.get((one.plate, one.well, one.image)) or seen[first.plate, first.well, first.image]
            raise InputError(f"{path}, line {line}: {one.where} is in line {other} already; a well has one treatment")
        seen[one.plate, one.well, one.image] = line
        yield one


def _placed(row: pd.Series, control: str | None, positive: str | None) -> Placed:
    well, image = row.get("well", ""), row.get("image", "")
    if not well and not image:
        raise InputError("neither a well nor an image; say where the treatment is")
    return Placed(
        treatment=row["treatment"],
        plate=row.get("plate", ""),
        well=parse_well(well) if well else None,
        image=image,
        dose=parse_dose(row.get("dose", ""), row.get("unit", "")),
        control=_control(row, control, positive),
    )


def _control(row: pd.Series, control: str | None, positive: str | None) -> str:
    if row["treatment"] in (control, positive):
        return NEGATIVE if row["treatment"] == control else POSITIVE
    written = row.get("control", "").lower()
    if written not in ("", NEGATIVE, POSITIVE):
        raise InputError(f"control {written!r}; write {NEGATIVE}, {POSITIVE} or nothing")
    named = (written == NEGATIVE and control) or (written == POSITIVE and positive)
    return "" if named else written


def _require_controls(placed: list[Placed], path: Path, control: str | None, positive: str | None) -> None:
    treatments = list(dict.fromkeys(one.treatment for one in placed))
    for name in (control, positive):
        if name is not None and name not in treatments:
            raise InputError(f"{path} has no treatment {name!r}; it has {', '.join(treatments) or 'none'}")
    if control is not None and control == positive:
        raise InputError(f"{control!r} is given as both controls; give another treatment as one of them")
    if not any(one.control == NEGATIVE for one in placed):
        raise InputError(
            f"{path} names no negative control, which effects are measured from: write {NEGATIVE!r} in a column "
            f"'control' on its wells, or name its treatment: {', '.join(treatments) or 'none'}"
        )
