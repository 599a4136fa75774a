"""Regions of ImageJ and Fiji: one ``.roi`` or the zip that the ROI Manager saves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np

from cellapp.config import app_settings
from cellapp.errors import InputError
from cellapp.exports.polygons import paint
from cellapp.files import is_litter
from cellapp.images.archive import check_list, check_members
from cellapp.images.formats.faults import fault

_AREAS = ("POLYGON", "RECT", "OVAL", "FREEHAND", "TRACED")


def read_rois(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """Draw regions in their order.

    Parameters
    ----------
    path : Path
    shape : tuple of int
        (Y, X) of the image; regions are cut off at its edge.

    Returns
    -------
    ndarray of shape (Y, X), int32
        A pixel belongs to a region when its centre does, as ImageJ fills it; later regions cover earlier ones.

    Raises
    ------
    BudgetError
        When the zip is larger than the limits.
    InputError
        When it is damaged, or a region is a line or points.
    """
    labels = np.zeros(shape, np.int32)
    number = 0
    for number, (name, data) in enumerate(_members(path), start=1):
        paint(labels, _rings(name, data), number)
    if not number:
        raise InputError(f"{path.name!r} holds no ImageJ ROIs; save the ROI Manager's list with More > Save")
    return labels


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.suffix.lower() == ".roi":
        yield path.name, path.read_bytes()
        return
    budget = app_settings().budget
    try:
        check_list(path, budget)
        with ZipFile(path) as archive:
            members = [one for one in archive.infolist() if one.filename.lower().endswith(".roi")]
            members = [one for one in members if not is_litter(one.filename)]
            check_members(members, path, budget, what="ROI")
            for member in members:
                yield member.filename, archive.read(member)
    except (BadZipFile, NotImplementedError, EOFError) as error:
        raise InputError(f"{path.name!r} is no whole zip ({fault(error)}); save the ROIs again") from error


def _rings(name: str, data: bytes) -> list[np.ndarray]:
    """Return the outline and the holes of a region, each (n, 2) as x and y."""
    from roifile import ImagejRoi

    try:
        roi = ImagejRoi.frombytes(data)
        rings = [np.asarray(ring, np.float64).reshape(-1, 2) for ring in roi.coordinates(multi=True)]
    except Exception as error:  # whatever a parser stumbles over in bytes of others
        raise InputError(f"{name!r} is no whole ImageJ ROI ({fault(error)}); save the ROIs again") from error
    rings = [ring for ring in rings if len(ring) > 2]
    if roi.roitype.name not in _AREAS or not rings or not all(np.isfinite(ring).all() for ring in rings):
        raise InputError(f"cells are areas; {name!r} is a {roi.roitype.name.lower()}: delete it or draw it as an area")
    return rings
