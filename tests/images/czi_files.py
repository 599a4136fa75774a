"""CZI files of any arrangement, written by Zeiss' own library; smaller levels, which it cannot write, by the format."""

import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

_RED_FIRST = bytes.fromhex("24c3dd6f034efe4bb1853d77768dc90d")
_BLUE_FIRST = bytes.fromhex("24c3dd6f034efe4bb1853d77768dc90c")
"""Names of the arrangement of pixels in JPEG XR, ITU-T T.832, table A.6."""


class Tile(NamedTuple):
    """Pixels, (Y, X) or (Y, X, 3) red first, and where they lie."""

    pixels: np.ndarray
    y: int = 0
    x: int = 0
    plane: Mapping[str, int] = {}
    scene: int = 0
    shrink: int = 1  # pixels at full resolution per pixel, along a side


def write_tiles(path: Path, tiles: Iterable[Tile], *, compressed: bool = False, **metadata: object) -> Path:
    """Write tiles; `metadata` as `pylibCZIrw.czi.CziWriter.write_metadata` takes them."""
    from pylibCZIrw.czi import create_czi

    tiles = list(tiles)
    options = "zstd1:ExplicitLevel=1;PreProcess=HiLoByteUnpack" if compressed else None
    with create_czi(str(path), compression_options=options) as czi:
        for tile in tiles:
            pixels = tile.pixels[..., ::-1] if tile.pixels.ndim == 3 else tile.pixels[..., None]
            czi.write(np.ascontiguousarray(pixels), (tile.x, tile.y), dict(tile.plane), scene=tile.scene)
        czi.write_metadata("made", **metadata)
    _enlarge(path, [tile.shrink for tile in tiles])
    return path


def mosaic(pixels: np.ndarray, side: int, **where: object) -> list[Tile]:
    """Cut (Y, X) into tiles of a side."""
    y0, x0 = where.pop("y", 0), where.pop("x", 0)
    starts = [(y, x) for y in range(0, pixels.shape[0], side) for x in range(0, pixels.shape[1], side)]
    return [Tile(pixels[y : y + side, x : x + side], y0 + y, x0 + x, **where) for y, x in starts]


def entries(content: bytes) -> list[tuple[int, int]]:
    """Where each tile has its entry in the directory, and where its segment begins."""
    (at,) = struct.unpack_from("<q", content, 32 + 52)
    (count,) = struct.unpack_from("<i", content, at + 32)
    found, at = [], at + 32 + 128
    for _ in range(count):
        (position,) = struct.unpack_from("<q", content, at + 6)
        (n_dimensions,) = struct.unpack_from("<i", content, at + 28)
        found.append((at, position))
        at += 32 + 20 * n_dimensions
    return found


def _enlarge(path: Path, shrinks: list[int]) -> None:
    """Say of each tile, in the directory and in its own head, that it stands for a larger area than it has pixels."""
    content = bytearray(path.read_bytes())
    places = sorted(entries(content), key=lambda place: place[1])  # tiles are written one after the other
    for (entry, position), shrink in zip(places, shrinks, strict=True):
        for at in (entry, position + 32 + 16):
            content[at + 22] = 0 if shrink == 1 else 2  # of a pyramid
            for i in range(*struct.unpack_from("<i", content, at + 28)):
                field = at + 32 + 20 * i
                if content[field : field + 1] in (b"X", b"Y"):
                    (size,) = struct.unpack_from("<i", content, field + 8)
                    struct.pack_into("<i", content, field + 8, size * shrink)
    path.write_bytes(content)


def pack_as_jpeg_xr(path: Path) -> Path:
    """Replace the uncompressed pixels of each tile by JPEG XR, as ZEN writes it and the library cannot."""
    import imagecodecs

    content = bytearray(path.read_bytes())
    for entry, position in entries(content):
        (pixel_type,) = struct.unpack_from("<i", content, entry + 2)
        dtype, samples = {0: ("u1", 1), 1: ("<u2", 1), 3: ("u1", 3), 4: ("<u2", 3)}[pixel_type]
        fields = [entry + 32 + 20 * i for i in range(*struct.unpack_from("<i", content, entry + 28))]
        stored = {chr(content[at]): struct.unpack_from("<i", content, at + 16)[0] for at in fields}
        n_metadata, _, n_data = struct.unpack_from("<iiq", content, position + 32)
        begin = position + 32 + 256 + n_metadata
        pixels = np.frombuffer(bytes(content[begin : begin + n_data]), dtype)
        packed = imagecodecs.jpegxr_encode(pixels.reshape(stored["Y"], stored["X"], samples)[..., ::-1].squeeze())
        packed = packed.replace(_RED_FIRST, _BLUE_FIRST)  # what the decoder is to give, which the encoder cannot say
        content[begin : begin + len(packed)] = packed
        struct.pack_into("<q", content, position + 32 + 8, len(packed))
        for at in (entry, position + 32 + 16):
            struct.pack_into("<i", content, at + 18, 4)
    path.write_bytes(content)
    return path
