"""TIFF, OME-TIFF and ImageJ TIFF through tifffile, tile by tile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile

from cellapp.images.channel_names import clean_names, with_colours
from cellapp.images.formats import tiff_set
from cellapp.images.formats.channels_first import levels_of
from cellapp.images.formats.imagej_planes import left_over
from cellapp.images.formats.ome_set import find_set, missing_companion
from cellapp.images.formats.ome_xml import OmeImage, parse_ome
from cellapp.images.formats.page_planes import open_page
from cellapp.images.formats.pixel_size import to_number
from cellapp.images.formats.scenes import Scene, images_of, left_out_notes
from cellapp.images.formats.tiff_complete import check_series, sparse_notes
from cellapp.images.formats.tiff_level import TiffLevel
from cellapp.images.formats.tiff_metadata import shows_photo, stored_names
from cellapp.images.formats.tiff_samples import read_samples, turned_over
from cellapp.images.formats.tiff_scale import pixel_size
from cellapp.images.formats.tiff_series import Place, layout_of, n_left_out, opened, places_of
from cellapp.types.image import ImageInfo, LazyArray

_STRIP_PX = 2**22  # a strip of so many pixels is decoded in a few milliseconds


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
    found = find_set(path, name)
    if found is not None:
        return tiff_set.probe_all(found, name, depth)
    with opened(path, name) as tif:
        places = places_of(tif)
        ome, notes = _ome_images(tif, name), _notes(path, tif, places, name)
        scenes = [_scene(tif, place, ome, path, name, depth) for place in places]
        return images_of([scene.told(notes) for scene in scenes], depth)


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
    found = find_set(path, info.name)
    if found is not None:
        return tiff_set.open_levels(found, info)
    with opened(path, info.name) as tif:
        place = places_of(tif)[info.selection.scene]
        series = tif.series[place.series]
        layout = layout_of(series, info.name, info.selection.depth)
        layouts = [layout.resized(level.shape) for level in series.levels]
        stored = [TiffLevel(path, place.series, i, np.dtype(series.dtype)) for i in range(len(layouts))]
        ome = _ome_image(tif, place, info.name)
        samples, there = read_samples(path, series, place.series, layout, ome, place.position, info.name)
        stored = turned_over(stored, series.keyframe)
    levels = levels_of(stored, layouts, info, place.position, there.planes)
    return tuple(samples.meant(level) for level in levels)


def check_complete(path: Path, images: Sequence[ImageInfo]) -> None:
    """Check that images of a TIFF are all there.

    Parameters
    ----------
    path : Path
    images : sequence of ImageInfo
        Of `probe_all`, at least one; all time points of a scene are checked with any of them.

    Raises
    ------
    InputError
        See `cellapp.images.formats.tiff_complete.check_series`.
    """
    name, scenes = images[0].name, {info.selection.scene for info in images}
    found = find_set(path, name)
    if found is not None:
        tiff_set.check_complete(found, scenes, name)
        return
    with opened(path, name) as tif:
        places = places_of(tif)
        for scene in scenes:
            check_series(tif.series[places[scene].series], name)


def reads_regions(path: Path, info: ImageInfo) -> bool:
    """Return whether a part of the full level is decoded without much of the rest: tiles, short strips, memory map."""
    found = find_set(path, info.name)
    if found is not None:
        with open_page(tiff_set.first_page(found, info)) as page:
            return page.is_memmappable or page.is_tiled or page.rowsperstrip * page.imagewidth <= _STRIP_PX
    with opened(path, info.name) as tif:
        series = tif.series[places_of(tif)[info.selection.scene].series]
        page = series.keyframe
        mapped = series.dataoffset is not None and page.is_memmappable
        return bool(mapped or page.is_tiled or page.rowsperstrip * page.imagewidth <= _STRIP_PX)


def _notes(path: Path, tif: tifffile.TiffFile, places: Sequence[Place], name: str) -> tuple[str, ...]:
    """Say what of a file is not read."""
    notes = []
    n_extra = len(tif.series) - len({place.series for place in places})
    if n_extra:
        notes.append(f"Smaller copies, label or overview pictures in the file are left out: {n_extra}.")
    notes += (*left_out_notes(*n_left_out(tif)), *left_over(tif))
    companion = missing_companion(path, name)
    if companion:
        notes.append(f"The file is part of a set that {companion!r} describes, which is not there: it is read alone.")
    return tuple(notes)


def _scene(
    tif: tifffile.TiffFile,
    place: Place,
    images: Sequence[OmeImage],
    path: Path,
    name: str,
    depth: str,
) -> Scene:
    series = tif.series[place.series]
    layout, ome = layout_of(series, name, depth), images[place.series] if place.series < len(images) else None
    samples, there = read_samples(path, series, place.series, layout, ome, place.position, name, depth)
    shape = samples.shape(layout.cyx)
    is_photo = shows_photo(series.keyframe, layout, ome, shape[0])
    names = with_colours(there.named(stored_names(tif, ome)), shape[0] // layout.size("C"))
    size = pixel_size(tif, series.keyframe, ome)
    notes = layout.notes + samples.notes + there.notes + sparse_notes(series) + size.notes
    info = ImageInfo(
        name=name,
        format="ome-tiff" if tif.is_ome else "tiff",
        shape=shape,
        dtype=samples.dtype(np.dtype(series.dtype).name),
        channels=clean_names(names, shape[0], is_photo=is_photo),
        um_per_px=size.um_per_px,
        levels=tuple(samples.size(layout.resized(level.shape).cyx[1:]) for level in series.levels),
        bytes_on_disk=path.stat().st_size,
        bits=samples.bits,
        notes=notes,
        scene=series.name if layout.size("P") == 1 else "",
        n_planes=layout.size("Z"),
        is_photo=is_photo,
    )
    return Scene(info, there.n_times, _imagej_interval_s(tif) if ome is None else ome.interval_s)


def _imagej_interval_s(tif: tifffile.TiffFile) -> float | None:
    return to_number((tif.imagej_metadata or {}).get("finterval")) or None


def _ome_images(tif: tifffile.TiffFile, name: str) -> tuple[OmeImage, ...]:
    return parse_ome(tif.ome_metadata, name).images if tif.is_ome and tif.ome_metadata else ()


def _ome_image(tif: tifffile.TiffFile, place: Place, name: str) -> OmeImage | None:
    images = _ome_images(tif, name)
    return images[place.series] if place.series < len(images) else None
