"""Doses as people write them, "10 µM" or "500 nM", as numbers of one unit."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from cellapp.errors import InputError

_TEXT = re.compile(r"([+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?)\s*(\S.*)?")
_MICRO = str.maketrans({"\u03bc": "\u00b5"})  # the Greek letter, for the sign that keyboards have
_MOLAR = {"pM": 1e-6, "nM": 1e-3, "uM": 1.0, "\u00b5M": 1.0, "mM": 1e3, "M": 1e6}
_MASS = {"pg/ml": 1e-6, "ng/ml": 1e-3, "ug/ml": 1.0, "\u00b5g/ml": 1.0, "mg/ml": 1e3}


@dataclass(frozen=True, order=True)
class Dose:
    """How much of a treatment a well got."""

    value: float  # 0 or more
    unit: str = ""  # "µM" for molar doses, "µg/ml" for masses per volume, else what was written; "" where nothing was

    @property
    def words(self) -> str:
        """Number and unit, as in "0.5 µM"."""
        return f"{self.value:g} {self.unit}".strip()


def parse_dose(text: str, unit: str = "") -> Dose | None:
    """Read a dose; molar ones become µM and masses per volume µg/ml, so that "1000 nM" is "1 µM".

    Parameters
    ----------
    text : str
        Number, with or without a unit; blank where a well has no dose.
    unit : str
        Of numbers without one.

    Raises
    ------
    InputError
        When it is no number of 0 and more, or has a unit other than `unit`.
    """
    if not text.strip():
        return None
    found = _TEXT.fullmatch(text.strip())
    value = float(found[1].replace(",", ".")) if found else math.nan
    if not (math.isfinite(value) and value >= 0):
        raise InputError(f"{text!r} is no dose; write a number of 0 and more, with its unit where it has one: 10 µM")
    written, given = (found[2] or "").strip().translate(_MICRO), unit.strip().translate(_MICRO)
    if written and given and written != given:
        raise InputError(f"dose {text!r} has a unit other than {unit!r}; give one of them")
    return _in_one_unit(value, written or given)


def _in_one_unit(value: float, unit: str) -> Dose:
    if unit in _MOLAR:
        return Dose(float(f"{value * _MOLAR[unit]:.12g}"), "\u00b5M")
    mass = unit.replace("mL", "ml")
    if mass in _MASS:
        return Dose(float(f"{value * _MASS[mass]:.12g}"), "\u00b5g/ml")
    return Dose(value, unit)
