"""The size that a JPEG, JPEG 2000 or JPEG XR states in its first bytes."""

from __future__ import annotations

import struct

_JPEG, _JPEG_2000 = b"\xff\xd8", b"\xff\x4f\xff\x51"
_ALONE = {0x01, 0xD8, *range(0xD0, 0xD8)}  # marks without a length
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_PIXELS = {0xDA, 0xD9}
_JPEG_XR, _WIDTH, _HEIGHT = b"II\xbc", 0xBC80, 0xBC81


def picture_px(head: bytes) -> int:
    """Return the pixels of a picture by its first bytes.

    Parameters
    ----------
    head : bytes

    Returns
    -------
    int
        0 where they do not say.
    """
    if head.startswith(_JPEG):
        return _jpeg_px(head)
    if head.startswith(_JPEG_XR):
        return _jpeg_xr_px(head)
    at = head.find(_JPEG_2000)
    if at < 0 or len(head) < at + 24:
        return 0
    right, bottom, left, top = struct.unpack_from(">4I", head, at + 8)
    return max(right - left, 0) * max(bottom - top, 0)


def _jpeg_px(head: bytes) -> int:
    at = 0
    while at + 9 <= len(head):
        mark = head[at + 1]
        if head[at] != 0xFF or mark in _PIXELS:
            return 0
        if mark in _FRAMES:
            height, width = struct.unpack_from(">HH", head, at + 5)
            return height * width
        at += 2 if mark in _ALONE else 1 if mark == 0xFF else 2 + struct.unpack_from(">H", head, at + 2)[0]
    return 0


def _jpeg_xr_px(head: bytes) -> int:
    """Pixels by the list of tags at the beginning, which is that of a TIFF with numbers of its own."""
    try:
        (at,) = struct.unpack_from("<I", head, 4)
        (n_tags,) = struct.unpack_from("<H", head, at)
        entries = [struct.unpack_from("<HHII", head, at + 2 + 12 * i) for i in range(n_tags)]
    except struct.error:
        return 0
    # A number of type 3 has 16 bits, and what follows it in the field means nothing.
    size = {tag: value & 0xFFFF if kind == 3 else value for tag, kind, _, value in entries}
    return size.get(_WIDTH, 0) * size.get(_HEIGHT, 0)
