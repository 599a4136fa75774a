"""CZI through pylibCZIrw, by region and level: the only file that imports it, and only when such a file is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from cellapp.errors import InputError
from cellapp.images.channel_names import clean_names
from cellapp.images.formats.axes import Layout, resolve_axes
from cellapp.images.formats.channels_first import levels_of
from cellapp.images.formats.czi_directory import read_directory
from cellapp.images.formats.czi_gaps import fill
from cellapp.images.formats.czi_metadata import CziMetadata, parse_metadata
from cellapp.images.formats.czi_places import Place, places_of
from cellapp.images.formats.opened import OpenedOnce
from cellapp.images.formats.planes import missing_planes
from cellapp.images.formats.samples import samples_of
from cellapp.images.formats.scenes import Scene, images_of
from cellapp.images.formats.sniff import decoding
from cellapp.types.image import PHOTO_CHANNELS, ImageInfo, LazyArray

_TYPES = {0: "Gray8", 1: "Gray16", 2: "Gray32Float", 3: "Bgr24", 4: "Bgr48"}
_CACHE_BYTES = 2**24
"""Decoded tiles that are kept, the channels of a scanner's tile: regions that share one decode it once.

More would stay in memory until the slide is closed, above what the same slide takes in OME-TIFF.
"""

_LARGE_TILE_PX = 2**24
"""Cameras and scanners make tiles of up to 4096 x 4096 pixels; exports may be of one tile."""


def probe_all(path: Path, name: str, depth: str) -> tuple[ImageInfo, ...]:
    """Read the directory and metadata of a CZI file.

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
        Of each scene and time point. Tiles of a mosaic are stitched; the levels are those of the file's own pyramid.

    Raises
    ------
    InputError
        When the file is cut off or damaged, holds raw data, or the reader's package is not installed.
    """
    _library()
    with decoding(name):
        directory = read_directory(path, name)
        metadata = parse_metadata(directory.xml)
        places = places_of(directory, name)
    return images_of([_scene(place, metadata, path, name, depth) for place in places], depth)


def open_levels(path: Path, info: ImageInfo) -> tuple[LazyArray, ...]:
    """Open each level of an image of a CZI file without decoding it.

    Parameters
    ----------
    path : Path
        The file.
    info : ImageInfo
        Of `probe_all`.

    Returns
    -------
    tuple of LazyArray
        Each (C, Y, X), full resolution first; usable from several threads and in other processes.
    """
    with decoding(info.name):
        place = places_of(read_directory(path, info.name), info.name)[info.selection.scene]
    document = OpenedOnce(path, _open)
    stored = [_Level(document, place, shrink, np.dtype(info.dtype)) for shrink in place.shrinks]
    layouts = [_layout(place, shrink, info.name, info.selection.depth) for shrink in place.shrinks]
    return levels_of(stored, layouts, info, there=place.there)


def reads_regions(path: Path, info: ImageInfo) -> bool:
    """Return whether tiles are small enough to decode one for any part of it."""
    with decoding(info.name):
        tiles = read_directory(path, info.name).tiles
    return max(tile.spans["Y"].stored * tile.spans["X"].stored for tile in tiles) <= _LARGE_TILE_PX


def _library() -> Any:
    try:
        from pylibCZIrw import czi
    except ImportError as error:
        raise InputError("CZI files need a reader that is not installed: pip install pylibCZIrw") from error
    return czi


def _open(path: Path) -> Any:
    library = _library()
    return library.CziReader(str(path), cache_options=library.CacheOptions(max_memory_usage=_CACHE_BYTES))


def _scene(place: Place, metadata: CziMetadata, path: Path, name: str, depth: str) -> Scene:
    layout = _layout(place, 1, name, depth)
    is_photo = place.is_photo
    samples = samples_of(metadata.bits, place.dtype)
    info = ImageInfo(
        name=name,
        format="czi",
        shape=layout.cyx,
        dtype=place.dtype.name,
        channels=PHOTO_CHANNELS if is_photo else clean_names(_names(place, metadata.channels), layout.cyx[0]),
        um_per_px=metadata.um_per_px,
        levels=tuple(place.size(shrink) for shrink in place.shrinks),
        bytes_on_disk=path.stat().st_size,
        bits=samples.bits,
        notes=layout.notes + samples.notes + missing_planes(place.there, name, depth) + place.notes,
        scene=metadata.scene(place.scene),
        n_planes=layout.size("Z"),
        is_photo=is_photo,
    )
    return Scene(info, layout.size("T"), metadata.interval_s)


def _layout(place: Place, shrink: int, name: str, depth: str) -> Layout:
    n_times, n_planes = (len(place.numbers(letter)) for letter in "TZ")
    return resolve_axes("TZCYX", (n_times, n_planes, len(place.channels), *place.size(shrink)), name, depth)


def _names(place: Place, stored: Sequence[str]) -> list[str]:
    """Name each channel; the colours of a photograph among stains carry the name of their channel."""
    first = place.channels[0].number if len(stored) < place.channels[-1].number + 1 else 0
    names = []
    for channel in place.channels:
        at = channel.number - first
        base = stored[at] if 0 <= at < len(stored) else ""
        names.append(base if channel.sample is None else f"{base} {PHOTO_CHANNELS[channel.sample]}".strip())
    return names


@dataclass(frozen=True, eq=False)
class _Level:
    """One level of a scene as an array of axes T, Z, C, Y, X."""

    document: OpenedOnce
    place: Place
    shrink: int
    dtype: np.dtype
    gives_copies = True

    def __getitem__(self, key: tuple[int, int, slice, slice, slice]) -> np.ndarray:
        """Decode channels, rows and columns of one plane, (C, Y, X)."""
        time, plane, channels, rows, columns = key
        wanted = self.place.channels[channels]
        spans = [range(n)[s] for n, s in zip(self.place.size(self.shrink), (rows, columns), strict=True)]
        block = np.zeros((len(wanted), *(len(span) for span in spans)), self.dtype)
        if 0 in block.shape:
            return block
        at = {"T": self.place.numbers("T")[time], "Z": self.place.numbers("Z")[plane]}
        done = 0
        for number, group in groupby(wanted, key=lambda channel: channel.number):
            samples = [channel.sample for channel in group]
            self._fill(block[done : done + len(samples)], samples, {**at, "C": number}, *spans)
            done += len(samples)
        return block

    def _fill(self, block: np.ndarray, samples: list[int | None], plane: dict[str, int], *spans: range) -> None:
        """Read one channel of the file; what the library gives is freed before the next is read."""
        pixels = self._read(plane, *spans)
        for target, sample in zip(block, samples, strict=True):
            target[...] = pixels[..., 0 if sample is None else 2 - sample]  # stored blue first

    def _read(self, plane: dict[str, int], rows: range, columns: range) -> np.ndarray:
        """Read one channel of the file."""
        down, across = (range(span[0], span[-1] + 1) for span in (rows, columns))
        return self._at(self.shrink, plane, down, across)[:: rows.step, :: columns.step]

    def _at(self, shrink: int, plane: dict[str, int], rows: range, columns: range) -> np.ndarray:
        """Read a level: in one piece, then each tile with a seam in it, then what it lacks, from a finer level."""
        y, x, _, _ = self.place.box
        pixels = self._one(shrink, plane, y + rows[0] * shrink, x + columns[0] * shrink, len(rows), len(columns))
        for part in self.place.seams(plane, shrink, rows, columns):
            target = pixels[part.rows, part.columns]
            target[...] = self._one(shrink, plane, part.y, part.x, *target.shape[:2])
        gaps = self.place.gaps(plane, shrink, rows, columns)
        if gaps.any():
            finer = self.place.finer(shrink)
            fill(pixels, gaps, rows, columns, shrink // finer, partial(self._as_far_as_there, finer, plane))
        return pixels

    def _as_far_as_there(self, shrink: int, plane: dict[str, int], *spans: range) -> np.ndarray:
        ends = zip(spans, self.place.size(shrink), strict=True)
        return self._at(shrink, plane, *(range(span.start, min(span.stop, n)) for span, n in ends))

    def _one(self, shrink: int, plane: dict[str, int], y: int, x: int, height: int, width: int) -> np.ndarray:
        """Read pixels of a level, from a place in the coordinates of the file."""
        pixel_type = next(channel.pixel_type for channel in self.place.channels if channel.number == plane["C"])
        roi = (x, y, width * shrink, height * shrink)
        with self.document.borrow() as reader:
            pixels = reader.read(roi, plane, self.place.scene, 1 / shrink, _TYPES[pixel_type])
        return pixels[:height, :width]
