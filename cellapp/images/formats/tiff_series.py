"""The series of a TIFF: which of them are images of the specimen, and what their axes mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import tifffile

from cellapp.errors import InputError
from cellapp.images.formats.axes import Layout, resolve_axes
from cellapp.images.formats.imagej_planes import check_stack
from cellapp.images.formats.sniff import decoding
from cellapp.images.formats.tiff_file import TiffAlone
from cellapp.images.formats.tiff_pages import check_lists
from cellapp.images.formats.xml_nesting import check_nesting

_ASSOCIATED = re.compile(r"(label|macro|map|overview|probe|thumbnail)( image)?", re.IGNORECASE)
"""Pictures of the glass that slide scanners add: no images of the specimen."""


@dataclass(frozen=True)
class Place:
    """Where a scene is: a series of the file, and where it has several positions, one of them."""

    series: int
    position: int = 0


@contextmanager
def opened(path: Path, name: str) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF that has an image; files that its metadata name are not followed."""
    with decoding(name), TiffAlone(path) as tif:
        check_lists(tif, name)
        check_stack(tif, name)
        if tif.is_ome:
            check_nesting(tif.pages[0].description, name)
        if not tif.pages or not tif.series:
            raise InputError(f"{name!r} is a TIFF without a readable image: it is cut off or damaged; export it again")
        yield tif


def places_of(tif: tifffile.TiffFile) -> list[Place]:
    """Return the scenes of a file; one of nothing but what is left out elsewhere has its first series."""
    kept = [i for i, series in enumerate(tif.series) if not _is_extra(series)] or [0]
    return [
        Place(i, position)
        for i in kept
        for position in range(Layout(_axes(tif.series[i]), tif.series[i].shape).size("P"))
    ]


def _is_extra(series: tifffile.TiffPageSeries) -> bool:
    is_photo = "S" in series.axes
    return bool(
        series.keyframe.is_reduced or series.keyframe.is_mask or (is_photo and _ASSOCIATED.fullmatch(series.name))
    )


def _axes(series: tifffile.TiffPageSeries) -> str:
    return series.axes.upper().replace("R", "P")  # Micro-Manager's positions are tifffile's R


def layout_of(series: tifffile.TiffPageSeries, name: str, depth: str) -> Layout:
    """Return what the axes of a series mean."""
    return resolve_axes(_axes(series), series.shape, name, depth)
