"""Pixel sizes in micrometres, read from metadata and written to it; resolutions meant for printing are ignored."""

from __future__ import annotations

import math
from dataclasses import dataclass

_UM = {
    "Å": 1e-4,
    "pm": 1e-6,
    "nm": 1e-3,
    "angstrom": 1e-4,
    "um": 1.0,
    "µm": 1.0,
    "μm": 1.0,
    "\\u00b5m": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "mikron": 1.0,
    "\\u03bcm": 1.0,
    "\u00c2\u00b5m": 1.0,  # the sign in UTF-8, read as Latin-1
    "mm": 1e3,
    "cm": 1e4,
    "m": 1e6,
    "inch": 25_400.0,
    "in": 25_400.0,
    **{
        f"{prefix}{metre}{plural}": factor
        for prefix, factor in {"pico": 1e-6, "nano": 1e-3, "micro": 1.0, "milli": 1e3, "centi": 1e4, "": 1e6}.items()
        for metre in ("meter", "metre")
        for plural in ("", "s")
    },
}
_COARSEST_UM, _PRINTERS_UNITS = 20.0, ("inch", "in", "cm")
"""Resolutions of printers and screens (72 to 1200 dpi) are pixels of 21 um and more; a microscope's are smaller."""

_OBLONG = 1.01  # ratio of sides from which on a pixel is no square


def to_number(value: object) -> float | None:
    """Read a number as people and instruments write it.

    Parameters
    ----------
    value : object
        A number, or text of one: "0.325", "0,325" with a decimal comma, "1,234.5", "3.25e-1".

    Returns
    -------
    float or None
        None for anything else, and for what is not finite. Of two marks the last is the decimal one; one comma alone is
        a decimal comma, because sizes of pixels are written with decimals.
    """
    text = str(value).strip().replace("\u2212", "-")
    if "," in text:
        text = text.replace(".", "") if text.rfind(",") > text.rfind(".") else text.replace(",", "")
        text = text.replace(",", ".")
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def to_um(value: float | str | None, unit: str | None) -> float | None:
    """Convert a length to micrometres.

    Parameters
    ----------
    value : float, str or None
        The length; formats often give it as text.
    unit : str or None
        "um", "nm", "micron", "inch" and their spellings, any case; OME's default is "µm".

    Returns
    -------
    float or None
        None when the length is missing, not positive, not finite or in a unit that is no length ("pixel").
    """
    factor = _UM.get(str(unit).strip()) or _UM.get(str(unit).strip().lower())
    number = to_number(value)
    if number is None or not factor:
        return None
    length = number * factor
    return length if math.isfinite(length) and length > 0 else None


def mean_um(y_um: float | None, x_um: float | None) -> float | None:
    """Return the side of a square pixel of equal area, micrometres; the other one where one is None."""
    if y_um is None or x_um is None:
        return y_um or x_um
    return y_um if y_um == x_um else math.sqrt(y_um * x_um)


@dataclass(frozen=True)
class PixelSize:
    """Height and width of a pixel, um; None where unknown."""

    y_um: float | None = None
    x_um: float | None = None

    @property
    def um_per_px(self) -> float | None:
        """Side of a square pixel of equal area, um."""
        return mean_um(self.y_um, self.x_um)

    @property
    def notes(self) -> tuple[str, ...]:
        """Say so where pixels are no squares."""
        if not self.y_um or not self.x_um or max(self.y_um / self.x_um, self.x_um / self.y_um) < _OBLONG:
            return ()
        return (
            f"Pixels are {self.y_um:.4g} um high and {self.x_um:.4g} um wide; shapes are measured as if they were "
            f"squares of the same area, {self.um_per_px:.4g} um.",
        )


def from_resolution(y_per_unit: float, x_per_unit: float, y_unit: str, x_unit: str) -> PixelSize:
    """Return the pixel size of a TIFF's resolution tags.

    Parameters
    ----------
    y_per_unit, x_per_unit : float
        Pixels per unit along rows and columns; 0 where unknown.
    y_unit, x_unit : str
        "cm", "inch", or ImageJ's own units.

    Returns
    -------
    PixelSize
        Unknown for pixels per inch or centimetre too coarse for a microscope, such as the 72 dpi of a print resolution.
    """
    if not (y_per_unit > 0 and x_per_unit > 0):
        return PixelSize()
    size = PixelSize(to_um(1 / y_per_unit, y_unit), to_um(1 / x_per_unit, x_unit))
    for_print = y_unit in _PRINTERS_UNITS and size.um_per_px is not None and size.um_per_px > _COARSEST_UM
    return PixelSize() if for_print else size


def to_ome(um_per_px: float) -> dict[str, object]:
    """Return the pixel size as `tifffile` takes it for OME-TIFF."""
    return {f"PhysicalSize{axis}": um_per_px for axis in "XY"} | {f"PhysicalSize{axis}Unit": "µm" for axis in "XY"}
