"""TIFF, OME-TIFF and ImageJ TIFF through tifffile, tile by tile."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import tifffile
import zarr

from cellapp.errors import InputError
from cellapp.images.channel_names import clean_names
from cellapp.images.formats.axes import ChannelsFirst, resolve_axes
from cellapp.images.formats.ome_xml import OmeImage, parse_ome
from cellapp.images.formats.pixel_size import from_resolution
from cellapp.images.formats.sniff import decoding
from cellapp.types.image import ImageInfo, LazyArray

_STRIP_PX = 2**22  # a strip of so many pixels is decoded in a few milliseconds


@contextmanager
def _main_series(path: Path, name: str) -> Iterator[tuple[tifffile.TiffFile, tifffile.TiffPageSeries]]:
    with decoding(name), tifffile.TiffFile(path) as tif:
        if not tif.pages or not tif.series:
            raise InputError(f"{name!r} is a TIFF without a readable image: it is cut off or damaged; export it again")
        yield tif, tif.series[0]


def probe(path: Path, name: str) -> ImageInfo:
    """Read the header of a TIFF.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Name for messages.

    Returns
    -------
    ImageInfo
        Of the first image in the file, with its pyramid levels, channel names and pixel size where it has them.

    Raises
    ------
    InputError
        When the header is damaged or holds something other than one image.
    """
    with _main_series(path, name) as (tif, series):
        layout = resolve_axes(series.axes, series.shape, name)
        ome = _ome_image(tif, name)
        notes = layout.notes
        if len(tif.series) > 1:
            notes += (f"The file holds {len(tif.series)} images; the first is used.",)
        return ImageInfo(
            name=name,
            format="ome-tiff" if tif.is_ome else "tiff",
            shape=layout.cyx,
            dtype=np.dtype(series.dtype).name,
            channels=_channel_names(tif, ome, layout.cyx[0]),
            um_per_px=_resolution(tif) if ome is None else ome.um_per_px,
            levels=tuple(layout.resized(level.shape).cyx[1:] for level in series.levels),
            bytes_on_disk=path.stat().st_size,
            notes=notes,
        )


def open_levels(path: Path, info: ImageInfo) -> tuple[LazyArray, ...]:
    """Open each pyramid level of a TIFF without decoding it.

    Parameters
    ----------
    path : Path
        The file.
    info : ImageInfo
        Of `probe`.

    Returns
    -------
    tuple of LazyArray
        Each (C, Y, X), full resolution first.
    """
    with _main_series(path, info.name) as (_, series):
        layout = resolve_axes(series.axes, series.shape, info.name)
        shapes = [level.shape for level in series.levels]
    stored = (_Level(path, i, np.dtype(info.dtype)) for i in range(len(shapes)))
    return tuple(ChannelsFirst(s, layout.resized(shape), info.name) for s, shape in zip(stored, shapes, strict=True))


def reads_regions(path: Path, info: ImageInfo) -> bool:
    """Return whether a part of the full level is decoded without much of the rest: tiles, short strips, memory map."""
    with _main_series(path, info.name) as (_, series):
        page = series.keyframe
        mapped = series.dataoffset is not None and page.is_memmappable
        return bool(mapped or page.is_tiled or page.rowsperstrip * page.imagewidth <= _STRIP_PX)


def check_complete(path: Path, name: str) -> None:
    """Check that a TIFF is complete: its header points neither beyond its end nor to other files.

    Raises
    ------
    InputError
        When strips or tiles are missing: they would read as zeros.
    """
    n_bytes = path.stat().st_size
    with _main_series(path, name) as (_, series):
        if series.dataoffset is not None:
            needed = series.dataoffset + series.nbytes
        else:
            needed = max((_end(page, name) for level in series.levels for page in level.pages), default=0)
    if needed > n_bytes:
        raise InputError(
            f"{name!r} is cut off: its header needs {needed:,} bytes but the file has {n_bytes:,}; "
            "copy or export it again"
        )


def _end(page: tifffile.TiffPage | tifffile.TiffFrame | None, name: str) -> int:
    if page is None:
        raise InputError(f"{name!r} keeps part of its image in other files; export it as one file")
    return max((o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False)), default=0)


@dataclass(frozen=True, eq=False)
class _Level:
    """One pyramid level; the file is opened on first access and closed with this object."""

    path: Path
    level: int
    dtype: np.dtype

    @cached_property
    def _array(self) -> zarr.Array | np.ndarray:
        tif = tifffile.TiffFile(self.path)
        weakref.finalize(self, tif.close)
        series = tif.series[0].levels[self.level]
        # Uncompressed files are often one strip per plane, which zarr would read whole for each block.
        if series.dataoffset is not None and series.keyframe.is_memmappable:
            return series.asarray(out="memmap")
        return zarr.open_array(tif.series[0].aszarr(level=self.level), mode="r")

    def __getitem__(self, key: tuple[slice | int, ...]) -> np.ndarray:
        return np.asarray(self._array[key])


def _ome_image(tif: tifffile.TiffFile, name: str) -> OmeImage | None:
    images = parse_ome(tif.ome_metadata, name).images if tif.is_ome and tif.ome_metadata else ()
    return images[0] if images else None


def _channel_names(tif: tifffile.TiffFile, ome: OmeImage | None, n_channels: int) -> tuple[str, ...]:
    names = [channel.name for channel in ome.channels] if ome else []
    if not names and tif.imagej_metadata:
        names = [str(label) for label in tif.imagej_metadata.get("Labels") or []]
    return clean_names(names, n_channels)


def _resolution(tif: tifffile.TiffFile) -> float | None:
    tags = tif.pages.first.tags
    per_unit = [tags.valueof(tag, (0, 1)) for tag in ("YResolution", "XResolution")]
    y, x = (numerator / denominator if denominator else 0.0 for numerator, denominator in per_unit)
    if tif.imagej_metadata:
        return from_resolution(y, x, str(tif.imagej_metadata.get("unit", "")))
    unit = {2: "inch", 3: "cm"}.get(int(tags.valueof("ResolutionUnit", 2)), "")
    return from_resolution(y, x, unit)
