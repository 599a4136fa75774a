"""Whether a PNG or JPEG has data for all of its rows: decoders fill the rest with black or gray and say nothing."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import numpy as np
from PIL import JpegImagePlugin

from cellapp.errors import InputError
from cellapp.images.formats import png_chunks
from cellapp.images.limits import check_blocks
from cellapp.types.image import ImageInfo

_BLOCK_PX, _NO_DATA = 8, 128
_START_OF_JPEG_DATA, _END_OF_JPEG = b"\xff\xda", b"\xff\xd9"
_TAIL_BYTES = 2**16
_PIECE_BYTES = 2**20
_DEFLATE_RATIO = 1040
"""What deflate makes of nothing but zeros: 1032 bytes of one."""
_MORE_DATA = b"\x55" * 4096
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples per pixel of each colour type of PNG."""
# The seven passes of an interlaced PNG: first row and column, steps of rows and columns (PNG specification, 8.2).
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def ends_as_it_should(path: Path, picture_format: str) -> bool:
    """Whether a file has its end, or as many bytes as it states; one that has not may be whole all the same.

    Parameters
    ----------
    path : Path
    picture_format : {"png", "jpeg", "bmp"}
    """
    if picture_format == "png":
        return png_chunks.has_end(path)
    n_bytes = path.stat().st_size
    with path.open("rb") as file:
        if picture_format == "bmp":
            return n_bytes >= int.from_bytes(file.read(6)[2:], "little")
        file.seek(max(n_bytes - _TAIL_BYTES, 0))
        tail = file.read()
    return _END_OF_JPEG in tail[max(tail.rfind(_START_OF_JPEG_DATA), 0) :]


def check_cost(path: Path, info: ImageInfo) -> None:
    """Check by its header that a picture, which is decoded whole, fits into memory and into its file.

    Raises
    ------
    InputError
        When it takes more memory than may be used at once (`BudgetError`), or its file is so small that it is damaged
        or made to fill memory.
    """
    check_blocks(info.name, n_blocks=1, pixels=info.pixels, n_bytes=info.bytes_decoded, n_stored=info.bytes_on_disk)
    if info.format == "png" and _needed(png_chunks.read_header(path)) > _DEFLATE_RATIO * info.bytes_on_disk:
        raise InputError(f"{info.name!r} is cut off: its data end before its last row; copy or export it again")


def check_png(path: Path, name: str) -> None:
    """Check that a PNG holds as many bytes as its size needs.

    Raises
    ------
    InputError
        When its data end before the last row.
    """
    needed, n_bytes = _needed(png_chunks.read_header(path)), 0
    inflate = zlib.decompressobj()
    for content in png_chunks.iterate(path, b"IDAT"):
        while content and n_bytes < needed:  # what follows the last row is no pixel, however much it is
            n_bytes += len(inflate.decompress(content, _PIECE_BYTES))
            content = inflate.unconsumed_tail
    if n_bytes < needed:
        raise InputError(f"{name!r} is damaged: its data end before its last row; export it again")


def check_jpeg(path: Path, pixels: np.ndarray, name: str) -> None:
    """Check that the data of a JPEG reach to its last pixel.

    Parameters
    ----------
    path : Path
    pixels : ndarray of shape (Y, X) or (Y, X, 3), uint8
        As they were decoded. Blocks without data come out as 128; only where the last one is that, the file is decoded
        again with more data behind its own, which change nothing but what had none.
    name : str
        Name for messages.

    Raises
    ------
    InputError
        When its data end before the last row.
    """
    if (pixels[-_BLOCK_PX:, -_BLOCK_PX:] != _NO_DATA).any():
        return
    content = path.read_bytes()
    at = content.rfind(_END_OF_JPEG)
    longer = io.BytesIO(content[:at] + _MORE_DATA + content[at:])
    with JpegImagePlugin.JpegImageFile(longer) as picture:
        again = np.asarray(picture.convert("L" if pixels.ndim == 2 else "RGB"))
    if (again != pixels).any():
        raise InputError(f"{name!r} is damaged: its data end before its last row; export it again")


def _needed(header: png_chunks.Header) -> int:
    """Return the bytes of the rows of a PNG, each with its filter byte."""
    bits = header.depth * _SAMPLES.get(header.colour_type, 1)
    passes = _PASSES if header.interlaced else ((0, 0, 1, 1),)
    total = 0
    for y, x, down, across in passes:
        rows, columns = len(range(y, header.height, down)), len(range(x, header.width, across))
        total += rows * (1 + (columns * bits + 7) // 8) if columns else 0
    return total
