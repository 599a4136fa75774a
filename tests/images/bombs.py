"""Small files that ask for much: each writer makes one under a kilobyte to a few megabytes, in well under a second."""

import io
import json
import struct
import zipfile
import zlib
from functools import cache
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
import zarr
from PIL import Image

from tests.images.many_images import write_image_group


def png_of_bits(path: Path, side: int = 30_000) -> None:
    """One bit a pixel: 109 KB that become 900 MB."""
    pack = zlib.compressobj(9)
    rows = bytes(1 + (side + 7) // 8) * 1000
    content = b"".join(pack.compress(rows) for _ in range(side // 1000)) + pack.flush()
    _png(path, side, 1, 0, content)


def png_of_text(path: Path) -> None:
    """A comment that unpacks to 400 MB."""
    comment = b"Comment\0\0" + _deflated()
    _png(path, 8, 8, 0, zlib.compress(bytes(72)), extra=_chunk(b"zTXt", comment))


def png_of_more_rows(path: Path) -> None:
    """Pixels of 8 rows, followed by 400 MB that no row needs."""
    _png(path, 8, 8, 0, _deflated())


def _png(path: Path, side: int, depth: int, colour: int, content: bytes, extra: bytes = b"") -> None:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, depth, colour, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + extra + _chunk(b"IDAT", content) + _chunk(b"IEND", b""))


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def jpeg_of_a_header(path: Path) -> None:
    """A header of 65,000 x 65,000 pixels before the data of 16."""
    path.write_bytes(_jpeg(65_000))


def _jpeg(side: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(stream, "jpeg")
    content = bytearray(stream.getvalue())
    at = content.index(b"\xff\xc0")
    content[at + 5 : at + 9] = struct.pack(">HH", side, side)
    return bytes(content)


def bmp_of_a_header(path: Path) -> None:
    """The same of BMP."""
    stream = io.BytesIO()
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(stream, "bmp")
    content = bytearray(stream.getvalue())
    content[18:26] = struct.pack("<ii", 40_000, 40_000)
    path.write_bytes(content)


def _tile(path: Path, compression: str, content: bytes) -> None:
    """A TIFF of one tile with other data in it."""
    options = {"tile": (64, 64), "compression": compression, "photometric": "minisblack"}
    tifffile.imwrite(path, iter([content]), shape=(64, 64), dtype=np.uint8, **options)


@cache
def _deflated() -> bytes:
    """400 MB of zeros."""
    return zlib.compress(bytes(4 * 10**8), 1)


def tile_of_deflate(path: Path) -> None:
    """A tile that unpacks to 400 MB in place of 4096 bytes."""
    _tile(path, "zlib", _deflated())


def tile_of_zstd(path: Path) -> None:
    """The same by Zstandard, 12 KB."""
    _tile(path, "zstd", imagecodecs.zstd_encode(bytes(4 * 10**8)))


def tile_of_packbits(path: Path) -> None:
    """256 MB by run lengths."""
    _tile(path, "packbits", b"\x81\0" * 2_000_000)


def tile_of_lzw(path: Path) -> None:
    """30 MB by LZW."""
    _tile(path, "lzw", imagecodecs.lzw_encode(bytes(3 * 10**7)))


def tile_of_jpeg(path: Path) -> None:
    """A tile of 64 x 64 pixels whose JPEG says that it has 30,000 x 30,000."""
    _tile(path, "jpeg", _jpeg(30_000))


def strip_of_everything(path: Path, side: int = 24_000) -> None:
    """One strip of 576 MB."""
    pack = zlib.compressobj(9)
    rows = bytes(side) * 100
    content = b"".join(pack.compress(rows) for _ in range(side // 100)) + pack.flush()
    options = {"rowsperstrip": side, "compression": "zlib", "photometric": "minisblack"}
    tifffile.imwrite(path, iter([content]), shape=(side, side), dtype=np.uint8, **options)


def tiff_of_pages(path: Path, n: int = 400_000) -> None:
    """Hundreds of thousands of pages that share one pixel."""
    tags = [
        (256, 3, 1, 1),
        (257, 3, 1, 1),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (279, 4, 1, 1),
    ]
    body = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    step = len(body) + 4
    pages = b"".join(body + struct.pack("<I", 16 + step * (i + 1) if i + 1 < n else 0) for i in range(n))
    path.write_bytes(struct.pack("<2sHI", b"II", 42, 16) + bytes(8) + pages)


def tiff_of_strips(path: Path, n: int = 3_000_000) -> None:
    """A list of millions of strips, all of which are the same byte."""
    tags = [(256, 4, 1, 1), (257, 4, 1, n), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    tags += [(273, 4, n, 122), (278, 4, 1, 1), (279, 4, n, 122)]
    body = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    head = struct.pack("<2sHI", b"II", 42, 8) + body
    path.write_bytes(head.ljust(122, b"\0") + struct.pack("<I", 1) * n)


def tiff_of_a_ring(path: Path) -> None:
    """Two pages, each of which follows the other."""
    tiff_of_pages(path, 2)
    content = bytearray(path.read_bytes())
    content[-4:] = struct.pack("<I", 16)
    path.write_bytes(content)


def ome_of_laughs(path: Path) -> None:
    """Entities of entities: a line that unfolds to a billion."""
    entities = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    text = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{entities}]><OME><Image Name="a">&a9;</Image></OME>'
    _ome(path, text)


def ome_of_depth(path: Path) -> None:
    """A million elements in each other."""
    _ome(path, "<?xml version='1.0'?><OME>" + "<a>" * 10**6 + "</a>" * 10**6 + "</OME>")


def _ome(path: Path, text: str) -> None:
    pixels = np.zeros((8, 8), np.uint8)
    tifffile.imwrite(path, pixels, description=text.encode(), metadata=None, photometric="minisblack")


def _zarr(path: Path, **changes: object) -> None:
    write_image_group(path, np.zeros((1, 1, 1, 16, 16), np.uint16), version="0.4")
    for level in ("0", "1"):
        file = path / level / ".zarray"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def zarr_of_one_chunk(path: Path) -> None:
    """A chunk of 8 GB, of which the file has a few bytes."""
    _zarr(path, shape=[1, 1, 1, 60_000, 60_000], chunks=[1, 1, 1, 60_000, 60_000])


def zarr_of_pixels(path: Path) -> None:
    """Millions of chunks of one pixel each."""
    _zarr(path, shape=[1, 1, 1, 2_000, 2_000], chunks=[1, 1, 1, 1, 1])


def zarr_of_planes(path: Path) -> None:
    """Billions of planes of depth, none of which is stored."""
    _zarr(path, shape=[1, 1, 2**32, 16, 16])


def zarr_of_gzip(path: Path) -> None:
    """A chunk that unpacks to 400 MB instead of 512 bytes."""
    group = zarr.open_group(path, mode="w", zarr_format=2)
    array = group.create_array("0", shape=(16, 16), dtype="u2", chunks=(16, 16), compressors=None)
    array[...] = 1
    file = path / "0" / ".zarray"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"compressor": {"id": "zlib", "level": 1}}))
    (path / "0" / "0.0").write_bytes(_deflated())
    axes = [{"name": letter, "type": "space"} for letter in "yx"]
    group.attrs.update({"multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}]})


def zarr_of_depth(path: Path) -> None:
    """Attributes in each other, a hundred thousand deep."""
    _zarr(path)
    (path / ".zattrs").write_text('{"a":' * 10**5 + "1" + "}" * 10**5)


def zip_of_members(path: Path, n: int = 300_000) -> None:
    """A list of members that is longer than any folder."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", *bytes(4), *[0] * 4, 0, 0, 0, 1, *[0] * 4, 0, 0) + b"a"
    content = entry * n
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, n % 65536, n % 65536, len(content), 0, 0)
    path.write_bytes(content + end)


def zip_of_one_piece(path: Path, n: int = 1000) -> None:
    """A thousand members of 10 MB that are the same compressed bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", b"\x89PNG\r\n\x1a\n" + bytes(10**7))
        for i in range(n):
            twin = zipfile.ZipInfo(f"{i}.png")
            for name in ("compress_type", "CRC", "compress_size", "file_size", "header_offset", "flag_bits"):
                setattr(twin, name, getattr(archive.filelist[0], name))
            archive.filelist.append(twin)


def zip_in_zips(path: Path) -> None:
    """Zips of zips, of which the innermost is large."""
    content = bytes(10**8)
    for _ in range(4):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for i in range(4):
                archive.writestr(f"{i}.zip", content)
        content = stream.getvalue()
    path.write_bytes(content)


def table_of_columns(path: Path) -> None:
    """Two million names, and lines that are to have as many values."""
    path.write_text(",".join(["image", "class", *map(str, range(2 * 10**6))]) + "\n" + "a,b\n" * 200)


BOMBS = {
    name: made
    for name, made in list(globals().items())
    if name.partition("_")[0] in ("png", "jpeg", "bmp", "tile", "strip", "tiff", "ome", "zarr", "zip", "table")
    and callable(made)
}
"""Every writer by its name, which begins with its kind."""
