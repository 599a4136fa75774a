"""Pixel sizes in micrometres, read from metadata and written to it; resolutions meant for printing are ignored."""

from __future__ import annotations

import math

_UM = {
    "Å": 1e-4,
    "pm": 1e-6,
    "nm": 1e-3,
    "nanometer": 1e-3,
    "um": 1.0,
    "µm": 1.0,
    "μm": 1.0,
    "\\u00b5m": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "micrometre": 1.0,
    "mm": 1e3,
    "millimeter": 1e3,
    "cm": 1e4,
    "centimeter": 1e4,
    "m": 1e6,
    "meter": 1e6,
    "inch": 25_400.0,
    "in": 25_400.0,
}
_COARSEST_UM = 20.0
"""Resolutions of printers and screens (72 to 1200 dpi) are pixels of 21 um and more; a microscope's are smaller."""


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


def from_resolution(y_per_unit: float, x_per_unit: float, unit: str) -> float | None:
    """Return the pixel size of a plain TIFF's resolution tags, micrometres.

    Parameters
    ----------
    y_per_unit, x_per_unit : float
        Pixels per unit along rows and columns.
    unit : str
        "cm", "inch", or ImageJ's own unit.

    Returns
    -------
    float or None
        None for pixels too coarse for a microscope, such as the 72 dpi of a print resolution.
    """
    if not (y_per_unit > 0 and x_per_unit > 0):
        return None
    size = mean_um(to_um(1 / y_per_unit, unit), to_um(1 / x_per_unit, unit))
    return size if size is not None and size <= _COARSEST_UM else None


def to_ome(um_per_px: float) -> dict[str, object]:
    """Return the pixel size as `tifffile` takes it for OME-TIFF."""
    return {f"PhysicalSize{axis}": um_per_px for axis in "XY"} | {f"PhysicalSize{axis}Unit": "µm" for axis in "XY"}
