"""TIFF, OME-TIFF and ImageJ TIFF through tifffile, tile by tile."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from cellapp.errors import InputError
from cellapp.images.channel_names import clean_names
from cellapp.images.formats.axes import Layout, resolve_axes
from cellapp.images.formats.channels_first import levels_of
from cellapp.images.formats.ome_xml import OmeImage, parse_ome
from cellapp.images.formats.scenes import Scene, images_of
from cellapp.images.formats.sniff import decoding
from cellapp.images.formats.tiff_complete import check_series, sparse_notes
from cellapp.images.formats.tiff_level import TiffLevel
from cellapp.images.formats.tiff_metadata import shows_photo, stored_names
from cellapp.images.formats.tiff_samples import read_samples, turned_over
from cellapp.images.formats.tiff_scale import pixel_size
from cellapp.types.image import ImageInfo, LazyArray

_STRIP_PX = 2**22  # a strip of so many pixels is decoded in a few milliseconds


_ASSOCIATED = re.compile(r"(label|macro|map|overview|probe|thumbnail)( image)?", re.IGNORECASE)
"""Pictures of the glass that slide scanners add: no images of the specimen."""


@dataclass(frozen=True)
class _Place:
    """Where a scene is: a series of the file, and where it has several positions, one of them."""

    series: int
    position: int = 0


@contextmanager
def _opened(path: Path, name: str) -> Iterator[tifffile.TiffFile]:
    with decoding(name), tifffile.TiffFile(path) as tif:
        if not tif.pages or not tif.series:
            raise InputError(f"{name!r} is a TIFF without a readable image: it is cut off or damaged; export it again")
        yield tif


@contextmanager
def _chosen(path: Path, info: ImageInfo) -> Iterator[tuple[tifffile.TiffPageSeries, _Place]]:
    with _opened(path, info.name) as tif:
        place = _places(tif)[info.selection.scene]
        yield tif.series[place.series], place


def probe_all(path: Path, name: str, depth: str = "max") -> tuple[ImageInfo, ...]:
    """Read the header of a TIFF.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Name for messages.
    depth : str
        Rule for depth, see `cellapp.types.image.Selection`.

    Returns
    -------
    tuple of ImageInfo
        Each series and position at each time point, with pyramid levels, channel names and pixel size where the file
        has them. Smaller copies and pictures of the glass, which slide scanners add, are left out.

    Raises
    ------
    InputError
        When the header is damaged or an array is no image.
    """
    with _opened(path, name) as tif:
        places = _places(tif)
        n_left_out = len(tif.series) - len({place.series for place in places})
        ome = _ome_images(tif, name)
        return images_of([_scene(tif, place, ome, path, name, depth, n_left_out) for place in places], depth)


def open_levels(path: Path, info: ImageInfo) -> tuple[LazyArray, ...]:
    """Open each pyramid level of an image of a TIFF without decoding it.

    Parameters
    ----------
    path : Path
        The file.
    info : ImageInfo
        Of `probe_all`.

    Returns
    -------
    tuple of LazyArray
        Each (C, Y, X), full resolution first.
    """
    with _chosen(path, info) as (series, place):
        layout = _layout(series, info.name, info.selection.depth)
        layouts = [layout.resized(level.shape) for level in series.levels]
        stored = [TiffLevel(path, place.series, i, np.dtype(series.dtype)) for i in range(len(layouts))]
        ome = _ome_image(series.parent, place, info.name)
        samples, _ = read_samples(path, series, place.series, layout, ome, place.position, info.name)
        stored = turned_over(stored, series.keyframe)
    return tuple(samples.meant(level) for level in levels_of(stored, layouts, info, place.position))


def check_complete(path: Path, info: ImageInfo) -> None:
    """Check that an image of a TIFF is all there; see `cellapp.images.formats.tiff_complete.check_series`."""
    with _chosen(path, info) as (series, _):
        check_series(series, info.name)


def reads_regions(path: Path, info: ImageInfo) -> bool:
    """Return whether a part of the full level is decoded without much of the rest: tiles, short strips, memory map."""
    with _chosen(path, info) as (series, _):
        page = series.keyframe
        mapped = series.dataoffset is not None and page.is_memmappable
        return bool(mapped or page.is_tiled or page.rowsperstrip * page.imagewidth <= _STRIP_PX)


def _places(tif: tifffile.TiffFile) -> list[_Place]:
    """Scenes of a file; a file of nothing but what is left out elsewhere has its first series."""
    kept = [i for i, series in enumerate(tif.series) if not _is_extra(series)] or [0]
    return [
        _Place(i, position)
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


def _layout(series: tifffile.TiffPageSeries, name: str, depth: str) -> Layout:
    return resolve_axes(_axes(series), series.shape, name, depth)


def _scene(
    tif: tifffile.TiffFile,
    place: _Place,
    images: Sequence[OmeImage],
    path: Path,
    name: str,
    depth: str,
    n_left_out: int,
) -> Scene:
    series = tif.series[place.series]
    layout, ome = _layout(series, name, depth), images[place.series] if place.series < len(images) else None
    samples, there = read_samples(path, series, place.series, layout, ome, place.position, name)
    shape = samples.shape(layout.cyx)
    is_photo = shows_photo(series.keyframe, layout, ome, shape[0])
    size = pixel_size(tif, series.keyframe, ome)
    notes = layout.notes + samples.notes + there.notes + sparse_notes(series) + size.notes
    info = ImageInfo(
        name=name,
        format="ome-tiff" if tif.is_ome else "tiff",
        shape=shape,
        dtype=samples.dtype(np.dtype(series.dtype).name),
        channels=clean_names(there.named(stored_names(tif, ome)), shape[0], is_photo=is_photo),
        um_per_px=size.um_per_px,
        levels=tuple(samples.size(layout.resized(level.shape).cyx[1:]) for level in series.levels),
        bytes_on_disk=path.stat().st_size,
        bits=samples.bits,
        notes=notes + _left_out_notes(n_left_out),
        scene=series.name if layout.size("P") == 1 else "",
        n_planes=layout.size("Z"),
        is_photo=is_photo,
    )
    return Scene(info, there.n_times, ome.interval_s if ome else None)


def _left_out_notes(n_left_out: int) -> tuple[str, ...]:
    told = f"{n_left_out} smaller or associated pictures in the file (label, macro, thumbnail) are left out."
    return (told,) if n_left_out else ()


def _ome_images(tif: tifffile.TiffFile, name: str) -> tuple[OmeImage, ...]:
    return parse_ome(tif.ome_metadata, name).images if tif.is_ome and tif.ome_metadata else ()


def _ome_image(tif: tifffile.TiffFile, place: _Place, name: str) -> OmeImage | None:
    images = _ome_images(tif, name)
    return images[place.series] if place.series < len(images) else None
