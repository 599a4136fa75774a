"""PNG files of pictures."""

from __future__ import annotations

import struct
import zlib

import numpy as np

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LEVEL = 1  # a fifth of the time of Pillow's own for a tenth more bytes
_UP = 2  # the filter that leaves of a row its difference to the one above
_RGB = 2


def png_bytes(picture: np.ndarray) -> bytes:
    """Encode a (h, w, 3) uint8 picture as PNG; equal pictures give equal bytes.

    Of the five ways to filter a row only one is used, its difference to the one above: to try all, as Pillow does,
    takes as long as the rest for a tenth fewer bytes.
    """
    height, width, _ = picture.shape
    rows = np.empty((height, 1 + 3 * width), np.uint8)
    flat = picture.reshape(height, 3 * width)
    rows[:, 0], rows[:1, 1:] = _UP, flat[:1]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, 8, _RGB, 0, 0, 0)  # 8 bits each
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, _LEVEL)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))
