"""The size that a JPEG or JPEG 2000 states in its first bytes."""

from __future__ import annotations

import struct

_JPEG, _JPEG_2000 = b"\xff\xd8", b"\xff\x4f\xff\x51"
_ALONE = {0x01, 0xD8, *range(0xD0, 0xD8)}  # marks without a length
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_PIXELS = {0xDA, 0xD9}


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
