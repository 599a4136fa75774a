"""Chunks of a PNG that Pillow reads only after decoding, or not at all."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SIGNATURE_BYTES, _MOST_BYTES = 8, 2**20


@dataclass(frozen=True)
class Header:
    """What the first chunk of a PNG says."""

    width: int
    height: int
    depth: int  # bits per sample
    colour_type: int  # 0 gray, 2 colour, 3 indexed, 4 gray with alpha, 6 colour with alpha
    interlaced: bool


def read_header(path: Path) -> Header:
    """Read the first chunk, which every PNG has at a fixed offset."""
    with path.open("rb") as file:
        width, height, depth, colour_type, interlace = struct.unpack(">IIBB2xB", file.read(29)[16:])
    return Header(width, height, depth, colour_type, bool(interlace))


def iterate(path: Path, *names: bytes) -> Iterator[bytes]:
    """Yield the content of chunks by name, in the order of the file; one that is cut off has those before its end."""
    for _, content in _chunks(path, names):
        yield content


def read_chunks(path: Path, *names: bytes) -> dict[bytes, bytes]:
    """Return the content of small chunks by name, each the first of its kind.

    Parameters
    ----------
    path : Path
        A PNG.
    *names : bytes
        Four letters each, such as ``b"eXIf"``.
    """
    found: dict[bytes, bytes] = {}
    for name, content in _chunks(path, names, _MOST_BYTES):
        found.setdefault(name, content)
    return found


def has_end(path: Path) -> bool:
    """Whether the last chunk of a PNG is there, and so all before it."""
    n_bytes = path.stat().st_size
    with path.open("rb") as file:
        file.seek(_SIGNATURE_BYTES)
        while len(head := file.read(8)) == 8:
            length, name = struct.unpack(">I4s", head)
            if name == b"IEND":
                return True
            if file.seek(length + 4, 1) > n_bytes:
                return False
    return False


def bits(chunks: dict[bytes, bytes], depth: int) -> int | None:
    """Return the bits that an ``sBIT`` chunk says to carry values, None where that is all `depth` of them."""
    most = max(chunks.get(b"sBIT", b""), default=depth)
    return most if 0 < most < depth else None


def _chunks(path: Path, names: tuple[bytes, ...], most_bytes: int = 2**31) -> Iterator[tuple[bytes, bytes]]:
    with path.open("rb") as file:
        file.seek(_SIGNATURE_BYTES)
        while len(head := file.read(8)) == 8:
            length, name = struct.unpack(">I4s", head)
            if name in names and length <= most_bytes:
                yield name, file.read(length)
                length = 0
            file.seek(length + 4, 1)  # and the checksum
            if name == b"IEND":
                return
