"""Micro-Manager image stacks, written by the letter of its file format.

See https://micro-manager.org/Micro-Manager_File_Formats: each page is a directory of 13 tags with its pixels behind it,
and an index map at the end says what each is.
"""

import json
import struct
from pathlib import Path

import numpy as np

_INDEX, _DISPLAY, _COMMENTS, _SUMMARY, _MAP = 54773648, 483765892, 99384722, 2355492, 3453623
_ASCII, _SHORT, _LONG = 2, 3, 4


def write_micro_manager(
    path: Path, positions: np.ndarray, *, first: int = 0, declared: int | None = None, um_per_px: float = 0.5
) -> Path:
    """Write positions as one file.

    Parameters
    ----------
    path : Path
    positions : ndarray of shape (P, T, C, Z, Y, X)
        uint16.
    first : int
        Number of the first position in the data set, from 0.
    declared : int, optional
        Positions that the data set has, of which the others are in other files; those of this file when left out.
    um_per_px : float
    """
    n_positions, n_times, n_channels, n_planes, height, width = positions.shape
    summary = {"MicroManagerVersion": "2.0", "Prefix": path.name.split("_MMStack")[0], "Frames": n_times}
    summary |= {"Channels": n_channels, "Slices": n_planes, "Positions": declared or first + n_positions}
    summary |= {"SlicesFirst": True, "TimeFirst": False, "PixelSize_um": um_per_px, "Width": width, "Height": height}
    text = json.dumps(summary).encode()
    content, entries, places = bytearray(40 + len(text)), [], list(np.ndindex(positions.shape[:4]))
    content[40:] = text
    note = json.dumps({"PixelSizeUm": um_per_px}).encode() + b"\0"
    note_at = len(content)
    content += note + b"\0" * (len(note) % 2)
    for i, place in enumerate(places):
        position, time, channel, plane = place
        at = len(content)
        pixels = positions[place].astype("<u2").tobytes()
        tags = [(254, _LONG, 1, 0), (256, _LONG, 1, width), (257, _LONG, 1, height), (258, _SHORT, 1, 16)]
        tags += [(259, _SHORT, 1, 1), (262, _SHORT, 1, 1), (273, _LONG, 1, at + 162), (274, _SHORT, 1, 1)]
        tags += [(277, _SHORT, 1, 1), (278, _SHORT, 1, height), (279, _LONG, 1, len(pixels)), (284, _SHORT, 1, 1)]
        tags += [(51123, _ASCII, len(note), note_at)]
        following = at + 162 + len(pixels) if i + 1 < len(places) else 0
        content += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
        content += struct.pack("<I", following) + pixels
        entries.append((channel, plane, time, first + position, at))
    index_at = len(content)
    content += struct.pack("<II", _MAP, len(entries)) + np.array(entries, "<u4").tobytes()
    content[:8] = b"II*\0" + struct.pack("<I", entries[0][-1])
    content[8:40] = struct.pack("<8I", _INDEX, index_at, _DISPLAY, 0, _COMMENTS, 0, _SUMMARY, len(text))
    path.write_bytes(content)
    return path
