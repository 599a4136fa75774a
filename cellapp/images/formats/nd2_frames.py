"""Frames of an ND2 file: read as they are asked for, and kept where they are compressed."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from cachetools import LRUCache

from cellapp.images.formats.faults import UnfitError
from cellapp.images.formats.opened import OpenedOnce
from cellapp.types.image import PHOTO_CHANNELS

_TIME_STAMP_BYTES = 8  # before the pixels of a frame

KEEP_BYTES = 2**28
"""Decoded frames that are kept of a compressed file, of which any part costs the whole frame."""


@dataclass(frozen=True, eq=False)
class Frames:
    """One position as an array of axes T, Z, C, S, Y, X."""

    document: OpenedOnce  # whose handle is a `FrameReader`
    frames: np.ndarray  # (T, Z) int, their numbers
    dtype: np.dtype
    gives_copies = True

    def __getitem__(self, key: tuple[int, int, slice, slice, slice, slice]) -> np.ndarray:
        """Read channels, samples, rows and columns of one plane, (C, S, Y, X)."""
        time, plane, *wanted = key
        with self.document.borrow() as file:
            return file.read(int(self.frames[time, plane]))[tuple(wanted)].copy()


class FrameReader:
    """An open file that keeps its decoded frames as far as they are worth it.

    Parameters
    ----------
    file : nd2.ND2File
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._kept: LRUCache[int, np.ndarray] = LRUCache(KEEP_BYTES, getsizeof=lambda frame: frame.nbytes)
        self.close = file.close

    def read(self, number: int) -> np.ndarray:
        """Return a frame, (C, S, Y, X); a view of the file where it is not compressed."""
        frame = self._kept.get(number)
        if frame is None:
            frame = self._file.read_frame(number)
            if self._file.attributes.compressionType and frame.nbytes <= KEEP_BYTES:
                self._kept[number] = frame
        attributes, n_samples = self._file.attributes, self._file.components_per_channel
        frame = frame.reshape(attributes.channelCount or 1, attributes.heightPx, attributes.widthPx, n_samples)
        if n_samples == len(PHOTO_CHANNELS):  # stored blue first, see https://github.com/ome/bioformats/pull/4321
            frame = frame[..., ::-1]
        return frame.transpose(0, 3, 1, 2)


def bound(file: Any) -> Any:
    """Have an open file decode no more of a frame than its header declares, and give a missing frame the same shape.

    Parameters
    ----------
    file : nd2.ND2File
        Changed in place: the package unpacks a compressed frame to whatever length its bytes give.

    Returns
    -------
    nd2.ND2File
        The same.
    """
    reader = file._rdr
    reader._read_compressed_frame = partial(_unpacked, reader)
    reader._missing_frame = lambda _number=0: np.zeros(reader._actual_frame_shape(), reader._dtype())
    return file


def _unpacked(reader: Any, number: int) -> np.ndarray:
    attributes = reader.attributes()
    n_bytes = attributes.heightPx * attributes.widthBytes
    packed = reader._load_chunk(b"ImageDataSeq|%d!" % number)[_TIME_STAMP_BYTES:]
    pixels = zlib.decompressobj().decompress(packed, n_bytes)
    if len(pixels) < n_bytes:
        raise UnfitError(f"frame {number + 1} has {len(pixels):,} bytes in place of {n_bytes:,}")
    return np.ndarray(reader._actual_frame_shape(), reader._dtype(), pixels, strides=reader._strides)
