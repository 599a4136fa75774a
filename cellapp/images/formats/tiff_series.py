"""The series of a TIFF: which of them are images of the specimen, and what their axes mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
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
    places = [Place(i, position) for i in kept for position in range(_n_positions(tif.series[i]))]
    return [place for place in places if _is_there(tif.series[place.series], place.position)] or places[:1]


def n_left_out(tif: tifffile.TiffFile) -> tuple[int, int]:
    """Return how many positions of series with several of them hold nothing, and how many there are."""
    several = [series for series in tif.series if _n_positions(series) > 1]
    there = [_is_there(series, position) for series in several for position in range(_n_positions(series))]
    return there.count(False), len(there)


def _n_positions(series: tifffile.TiffPageSeries) -> int:
    return Layout(_axes(series), series.shape).size("P")


def _is_there(series: tifffile.TiffPageSeries, position: int) -> bool:
    """Whether a position has any page; a series in one piece has one page in the list of all."""
    if _n_positions(series) == 1 or series.dataoffset is not None:
        return True
    layout = Layout(_axes(series), series.shape)
    letters = [letter for letter in layout.axes if letter not in "SYX"]
    there = np.array([page is not None for page in series.pages])
    if there.all() or there.size != prod(layout.size(letter) for letter in letters):
        return True
    planes = there.reshape([layout.size(letter) for letter in letters])
    return bool(planes.take(position, axis=letters.index("P")).any())


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
