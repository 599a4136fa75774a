"""Chunks of a PNG that Pillow reads only after decoding, or not at all: orientation and bits that carry values."""

from __future__ import annotations

import struct
from pathlib import Path

_SIGNATURE_BYTES, _MOST_BYTES = 8, 2**20


def read_chunks(path: Path, *names: bytes) -> dict[bytes, bytes]:
    """Return the content of chunks by name, each the first of its kind; those of pixels are passed over.

    Parameters
    ----------
    path : Path
        A PNG; one that is cut off has the chunks before its end.
    names : bytes
        Four letters each, such as ``b"eXIf"``.
    """
    found: dict[bytes, bytes] = {}
    with path.open("rb") as file:
        file.seek(_SIGNATURE_BYTES)
        while len(found) < len(names) and len(head := file.read(8)) == 8:
            length, name = struct.unpack(">I4s", head)
            if name == b"IEND":
                break
            if name in names and name not in found and length <= _MOST_BYTES:
                found[name] = file.read(length)
                length = 0
            file.seek(length + 4, 1)  # and the checksum
    return found


def bits(chunks: dict[bytes, bytes], depth: int) -> int | None:
    """Return the bits that an ``sBIT`` chunk says to carry values, None where that is all `depth` of them."""
    most = max(chunks.get(b"sBIT", b""), default=depth)
    return most if 0 < most < depth else None
