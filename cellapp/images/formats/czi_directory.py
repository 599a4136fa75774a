"""The directory of a CZI file: where its tiles lie and what they hold, read and checked before any tile is decoded.

Zeiss' library trusts the numbers in a file and ends the whole process where they are damaged; it is given only files
that pass here. The format is that of "ZISRAW (CZI) File Format", version 1.2.2, and of https://github.com/ZEISS/libczi.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cellapp.errors import InputError
from cellapp.images.formats.picture_size import picture_px
from cellapp.images.limits import MANY_BLOCKS, check_blocks

_SEGMENT = struct.Struct("<16sqq")  # name, bytes set aside, bytes in use
_POSITIONS = struct.Struct("<16s16siqqiq")  # in the file header: of the directory, the metadata, the attachments
_ENTRY = struct.Struct("<2siqiiB5xi")  # schema, pixel type, position, file, compression, kind of pyramid, dimensions
_DIMENSION = struct.Struct("<4siifi")  # letter, start, size, start in other units, pixels stored
_SIZES = struct.Struct("<iiq")  # of the tile's own metadata, attachment and pixels
_HEADER_BYTES, _DIRECTORY_BYTES, _TILE_BYTES, _METADATA_BYTES = 80, 128, 256, 256
_MOST_TILE_PX = 2**28
_MOST_PARTS = 1000
_DIMENSIONS = range(2, 41)  # that a tile may have
_MOST_POSITION = 2**30  # beyond, sums of places and sizes leave the 32 bits that the library calculates with
_MOST_XML_BYTES = 2**27
_UNCOMPRESSED = 0
_LARGE_BYTES, _HEAD_BYTES = 2**24, 512

BYTES_PER_PIXEL = {0: 1, 1: 2, 2: 4, 3: 3, 4: 6}
"""Of each type of pixel that is read: gray of 8 and 16 bits and of floats; blue, green and red of 8 and 16 bits."""


class Span(NamedTuple):
    """Extent of a tile along one dimension."""

    start: int
    size: int
    stored: int  # pixels in the file, fewer than `size` in the smaller levels of a pyramid


@dataclass(frozen=True)
class Tile:
    """One entry of the directory."""

    pixel_type: int
    position: int  # of the tile's segment in the file, bytes
    compression: int
    spans: Mapping[str, Span]  # by letter; X and Y are always there

    @property
    def shrink(self) -> int:
        """How many pixels at full resolution one stored pixel stands for, along a side."""
        return max(round(self.spans[axis].size / self.spans[axis].stored) for axis in "YX")


@dataclass(frozen=True)
class Directory:
    """All tiles of a file, and its metadata."""

    tiles: tuple[Tile, ...]
    xml: str  # as it is in the file; empty where it has none


def first_pixel(at: int, shrink: int) -> int:
    """Return the first pixel of a smaller level whose middle does not lie before a place along a side.

    Parameters
    ----------
    at : int
        Pixels at full resolution from the first of the scene.
    shrink : int
        Of them per pixel of the level.
    """
    return -((shrink - 2 * at) // (2 * shrink))


def read_directory(path: Path, name: str) -> Directory:
    """Read the directory of a CZI file and check that every tile lies in the file.

    Parameters
    ----------
    path : Path
    name : str
        Name of the file for messages.

    Returns
    -------
    Directory

    Raises
    ------
    InputError
        When the file is cut off, damaged, unfinished, or keeps tiles in other files.
    """
    n_bytes = path.stat().st_size
    with path.open("rb") as file:
        header = _read(file, _SEGMENT.size, _HEADER_BYTES, name, n_bytes)
        *_, part, directory_at, metadata_at, _, _ = _POSITIONS.unpack_from(header, 16)
        if 0 < part < _MOST_PARTS:
            raise InputError(f"{name!r} is part {part + 1} of a CZI in several files; save it as one file in ZEN")
        if not directory_at:
            raise InputError(f"{name!r} was not finished by the program that wrote it; save it anew in ZEN")
        tiles = tuple(_tiles(file, directory_at, name, n_bytes))
        for tile in tiles:
            _check_cost(file, tile, _check_tile(file, tile, name, n_bytes), len(tiles), name)
        return Directory(tiles, _xml(file, metadata_at, name, n_bytes))


def _segment(file: BinaryIO, at: int, kind: bytes, name: str, n_bytes: int) -> int:
    """Return how many bytes of a segment are in use, header not counted, after checking that it is there."""
    found, set_aside, used = _SEGMENT.unpack(_read(file, at, _SEGMENT.size, name, n_bytes))
    used = used or set_aside
    if found.rstrip(b"\0") != kind:
        raise _damaged(name, f"no {kind.decode()} at byte {at:,}")
    _check_inside(at + _SEGMENT.size, used, name, n_bytes)
    return used


def _tiles(file: BinaryIO, at: int, name: str, n_bytes: int) -> Iterator[Tile]:
    used = _segment(file, at, b"ZISRAWDIRECTORY", name, n_bytes)
    content = _read(file, at + _SEGMENT.size, used, name, n_bytes)
    offset = _DIRECTORY_BYTES
    try:
        for _ in range(*struct.unpack_from("<i", content)):
            schema, pixel_type, position, part, compression, _, n_dimensions = _ENTRY.unpack_from(content, offset)
            if schema != b"DV" or part or n_dimensions not in _DIMENSIONS:
                raise _damaged(name, f"an entry of its directory has schema {schema!r}, file {part}")
            fields = [_DIMENSION.unpack_from(content, offset + _ENTRY.size + 20 * i) for i in range(n_dimensions)]
            spans = {
                letter[:1].decode("latin-1"): Span(start, size, stored or size)
                for letter, start, size, _, stored in fields
            }
            yield Tile(pixel_type, position, compression, spans)
            offset += _ENTRY.size + _DIMENSION.size * n_dimensions
    except struct.error as error:
        raise _damaged(name, "its directory is too short") from error


def _check_entry(tile: Tile, name: str) -> int:
    """Check that what the directory says of a tile is possible, and return how many pixels it has."""
    spans = tile.spans
    if not {"X", "Y"} <= spans.keys():
        raise _damaged(name, "a tile has no width and height")
    if any(span.size < 1 or abs(span.start) > _MOST_POSITION or span.size > _MOST_POSITION for span in spans.values()):
        raise _damaged(name, "a tile lies nowhere")
    if tile.pixel_type not in BYTES_PER_PIXEL:
        kind = f"CZI's number {tile.pixel_type}"
        raise InputError(f"{name!r} has pixels of a type that is not read ({kind}); export it as OME-TIFF")
    n_px = spans["X"].stored * spans["Y"].stored
    if not (
        0 < spans["X"].stored <= spans["X"].size and 0 < spans["Y"].stored <= spans["Y"].size and n_px <= _MOST_TILE_PX
    ):
        raise _damaged(name, "a tile has an impossible size")
    return n_px


def _check_tile(file: BinaryIO, tile: Tile, name: str, n_bytes: int) -> range:
    """Check that a tile is what the directory says of it, and return where in the file its pixels are."""
    n_px = _check_entry(tile, name)
    used = _segment(file, tile.position, b"ZISRAWSUBBLOCK", name, n_bytes)
    head = _read(file, tile.position + _SEGMENT.size, _SIZES.size + _ENTRY.size, name, n_bytes)
    n_metadata, n_attachment, n_data = _SIZES.unpack_from(head)
    schema, *_, n_dimensions = _ENTRY.unpack_from(head, _SIZES.size)  # each tile repeats its entry of the directory
    if schema != b"DV" or n_dimensions not in _DIMENSIONS:
        raise _damaged(name, f"the tile at byte {tile.position:,} does not say what it is")
    room = used - max(_TILE_BYTES, _SIZES.size + _ENTRY.size + _DIMENSION.size * n_dimensions)
    if min(n_metadata, n_attachment, n_data) < 0 or n_metadata + n_attachment + n_data > room:
        raise _damaged(name, f"the tile at byte {tile.position:,} is larger than its place")
    if tile.compression == _UNCOMPRESSED and n_data < n_px * BYTES_PER_PIXEL[tile.pixel_type]:
        raise _damaged(name, f"the tile at byte {tile.position:,} has too few pixels")
    begin = tile.position + _SEGMENT.size + (used - room) + n_metadata
    return range(begin, begin + n_data)


def _check_cost(file: BinaryIO, tile: Tile, place: range, n_tiles: int, name: str) -> None:
    """Refuse tiles that do not fit into memory, and compressed ones that are more than the directory says."""
    pixels = tile.spans["X"].stored * tile.spans["Y"].stored
    n_bytes = pixels * BYTES_PER_PIXEL[tile.pixel_type]
    if n_bytes >= _LARGE_BYTES or n_tiles > MANY_BLOCKS:
        check_blocks(name, n_blocks=n_tiles, pixels=pixels, n_bytes=n_bytes, n_stored=len(place))
    if tile.compression == _UNCOMPRESSED:
        return
    file.seek(place.start)
    if (found := picture_px(file.read(min(len(place), _HEAD_BYTES)))) > pixels:
        raise _damaged(name, f"a tile of {pixels:,} pixels holds a picture of {found:,}")


def _xml(file: BinaryIO, at: int, name: str, n_bytes: int) -> str:
    if not at:
        return ""
    used = _segment(file, at, b"ZISRAWMETADATA", name, n_bytes)
    (length,) = struct.unpack("<i", _read(file, at + _SEGMENT.size, 4, name, n_bytes))
    if not 0 <= length <= min(used - _METADATA_BYTES, _MOST_XML_BYTES):
        raise _damaged(name, f"its metadata have {length:,} bytes")
    content = _read(file, at + _SEGMENT.size + _METADATA_BYTES, length, name, n_bytes)
    return content.decode("utf-8", errors="replace").strip("\ufeff\0 \t\r\n")


def _read(file: BinaryIO, at: int, length: int, name: str, n_bytes: int) -> bytes:
    _check_inside(at, length, name, n_bytes)
    file.seek(at)
    return file.read(length)


def _check_inside(at: int, length: int, name: str, n_bytes: int) -> None:
    if at < 0 or length < 0:
        raise _damaged(name, f"a part of it begins at byte {at:,} and has {length:,}")
    if at + length > n_bytes:
        raise InputError(
            f"{name!r} is cut off or damaged: it needs {at + length:,} bytes but has {n_bytes:,}; "
            "copy or export it again"
        )


def _damaged(name: str, what: str) -> InputError:
    return InputError(f"{name!r} is damaged ({what}); copy or export it again")
