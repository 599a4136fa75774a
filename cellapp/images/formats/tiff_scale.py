"""The pixel size of a TIFF, from wherever instruments and programs write it; what cannot be read is unknown.

The most deliberate statement wins: OME-XML, then words in the description, then the metadata of an instrument, then the
resolution tags, which programs also fill in for printers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import tifffile

from cellapp.images.formats.ome_xml import OmeImage
from cellapp.images.formats.pixel_size import PixelSize, from_resolution, to_number, to_um

_WORDS = "mpp|um_?per_?px|pixel_?size_?um|micronsperpixel"
_NUMBER = r'["\']?\s*[=:]\s*["\']?([0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?)'
_IN_WORDS = re.compile(rf"\b(?:{_WORDS})(?:[_-]?([xy]))?{_NUMBER}", re.IGNORECASE)
"""Aperio's "MPP = 0.4990", which crops and copies keep, and what Micro-Manager and others write: um of a pixel."""
_PHILIPS = re.compile(r'DICOM_PIXEL_SPACING"[^>]*>\s*(?:"|&quot;)([0-9.eE+-]+)(?:"|&quot;)\s*(?:"|&quot;)([0-9.eE+-]+)')
_UNITS = {2: "inch", 3: "cm", 4: "mm", 5: "um"}  # of the resolution tags; 1 is none

Source = Callable[[tifffile.TiffFile, tifffile.TiffPage], PixelSize]


def pixel_size(tif: tifffile.TiffFile, page: tifffile.TiffPage, ome: OmeImage | None) -> PixelSize:
    """Read the size of a pixel.

    Parameters
    ----------
    tif : tifffile.TiffFile
    page : tifffile.TiffPage
        The key frame of the image at full resolution.
    ome : OmeImage or None

    Returns
    -------
    PixelSize
        Unknown where nothing that can be read says it: metadata of instruments are never a reason to refuse a file.
    """
    if ome is not None and ome.um_per_px is not None:
        return PixelSize(ome.y_um, ome.x_um)
    for source in _SOURCES:
        with suppress(Exception):  # damaged metadata raise nearly everything
            size = source(tif, page)
            if size.um_per_px is not None:
                return size
    return PixelSize()


def _in_words(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> PixelSize:
    first = tif.pages.first
    texts = [page.description] if page.offset == first.offset else [page.description, first.description]
    for text in texts:
        found = {axis.lower(): to_um(number, "um") for axis, number in reversed(_IN_WORDS.findall(text))}
        both = found.get("")
        if found:
            return PixelSize(found.get("y", both), found.get("x", both))
    return PixelSize()


def _micro_manager(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> PixelSize:
    own = page.tags.valueof("MicroManagerMetadata") or {}
    summary = (tif.micromanager_metadata or {}).get("Summary") or {}
    values = (own.get("PixelSizeUm"), summary.get("PixelSize_um"), summary.get("PixelSizeUm"))
    return _square(next((value for value in values if to_um(value, "um")), None), "um")


def _metamorph(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> PixelSize:
    stk = tif.stk_metadata or {}
    if stk:
        unit = stk.get("CalibrationUnits")
        return PixelSize(to_um(stk.get("YCalibration"), unit), to_um(stk.get("XCalibration"), unit))
    plane = (tif.metaseries_metadata or {}).get("PlaneInfo") or {}
    unit = plane.get("spatial-calibration-units")
    return PixelSize(*(to_um(plane.get(f"spatial-calibration-{axis}"), unit) for axis in "yx"))


def _light_microscopes(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> PixelSize:
    lsm, sis = tif.lsm_metadata or {}, tif.sis_metadata or {}
    if lsm:
        return PixelSize(to_um(lsm.get("VoxelSizeY"), "m"), to_um(lsm.get("VoxelSizeX"), "m"))
    if sis:
        return PixelSize(to_um(sis.get("pixelsizey"), "m"), to_um(sis.get("pixelsizex"), "m"))
    rows = (tif.fluoview_metadata or {}).get("Dimensions") or ()
    sizes = {str(row[0]).strip().lower(): to_um(row[3], row[4]) for row in rows}  # name, length, origin, size, unit
    return PixelSize(sizes.get("y"), sizes.get("x"))


def _electron_microscopes(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> PixelSize:
    scan = (tif.fei_metadata or {}).get("Scan") or {}
    if scan:
        return PixelSize(to_um(scan.get("PixelHeight"), "m"), to_um(scan.get("PixelWidth"), "m"))
    sem = tif.sem_metadata or {}
    entry = sem.get("ap_image_pixel_size") or sem.get("ap_pixel_size") or ("", None, None)
    return _square(entry[1], entry[2])


def _philips(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> PixelSize:
    found = _PHILIPS.search(tif.philips_metadata or "")
    return PixelSize(*(to_um(number, "mm") for number in found.groups())) if found else PixelSize()


def _imagej(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> PixelSize:
    metadata: Mapping[str, Any] = tif.imagej_metadata or {}
    if not metadata:
        return PixelSize()
    unit = str(metadata.get("unit", ""))
    y, x = _per_unit(page)
    return from_resolution(y, x, str(metadata.get("yunit", unit)), unit)


def _tags(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> PixelSize:
    if tif.is_imagej:  # its tags count in ImageJ's own unit
        return PixelSize()
    unit = _UNITS.get(int(page.tags.valueof("ResolutionUnit", 2)), "")
    return from_resolution(*_per_unit(page), unit, unit)


def _per_unit(page: tifffile.TiffPage) -> tuple[float, float]:
    """Return pixels per unit along rows and columns, 0 where the tags do not say."""
    y, x = (page.tags.valueof(tag, (0, 1)) for tag in ("YResolution", "XResolution"))
    return _ratio(y), _ratio(x)


def _ratio(value: Any) -> float:
    if isinstance(value, tuple | list):
        return value[0] / value[1] if value[1] else 0.0
    return to_number(value) or 0.0


def _square(value: Any, unit: str | None) -> PixelSize:
    side_um = to_um(value, unit)
    return PixelSize(side_um, side_um)


_SOURCES: tuple[Source, ...] = (
    _in_words,
    _micro_manager,
    _metamorph,
    _light_microscopes,
    _electron_microscopes,
    _philips,
    _imagej,
    _tags,
)
