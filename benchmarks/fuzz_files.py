"""Small good files of every kind that is read from strangers, and damage to them that the number of a file decides."""

from __future__ import annotations

import random
import re
import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from tests.images import many_images, microscope_files
from tests.images.czi_files import Tile, mosaic, write_tiles

SIDE = 24
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**40, 2**63 - 1, 2**64 - 1)
WORDS = (b"0", b"-1", b"1e308", b"nan", b"4294967296", b"99999999999999999999", b"65535", b"0.0001")


def plane(*shape: int, dtype: str = "uint8") -> np.ndarray:
    """Pixels that look like cells enough for every reader."""
    return np.random.default_rng(0).integers(0, 200, shape).astype(dtype)


def _png(path: Path) -> None:
    Image.fromarray(plane(SIDE, SIDE, 3)).save(path, "png")


def _png_palette(path: Path) -> None:
    Image.fromarray(plane(SIDE, SIDE)).convert("P").save(path, "png", bits=4)


def _png_deep(path: Path) -> None:
    Image.fromarray(plane(SIDE, SIDE, dtype="uint16")).save(path, "png")


def _jpeg(path: Path) -> None:
    Image.fromarray(plane(SIDE, SIDE, 3)).save(path, "jpeg", progressive=True)


def _jpeg_gray(path: Path) -> None:
    Image.fromarray(plane(SIDE, SIDE)).save(path, "jpeg")


def _bmp(path: Path) -> None:
    Image.fromarray(plane(SIDE, SIDE, 3)).save(path, "bmp")


def _tiff(**options: object) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        pixels = plane(3, SIDE, SIDE, dtype="uint16") if options.get("compression") != "jpeg" else plane(SIDE, SIDE, 3)
        chosen = {"photometric": "rgb"} if pixels.shape[-1] == 3 else {"photometric": "minisblack"}
        tifffile.imwrite(path, pixels, **chosen, **options)

    return write


def _ome(path: Path) -> None:
    many_images.write_ome_tiff(path, {"a": plane(2, 2, 2, SIDE, SIDE), "b": plane(1, 2, 1, SIDE, SIDE)})


def _czi(path: Path) -> None:
    microscope_files.write_czi(path, plane(2, SIDE, SIDE, dtype="uint16"), ["a", "b"], 0.5)


def _czi_packed(path: Path) -> None:
    write_tiles(path, [*mosaic(plane(2 * SIDE, 2 * SIDE), SIDE), Tile(plane(SIDE, SIDE), scene=1)], compressed=True)


def _nd2(path: Path) -> None:
    microscope_files.write_nd2(path, plane(2, SIDE, SIDE, dtype="uint16"), ["a", "b"], 0.5)


def _lif(path: Path) -> None:
    microscope_files.write_lif(path, plane(2, SIDE, SIDE), ["Gray", "Red"], 0.5)


def _zarr(version: str) -> Callable[[Path], None]:
    return lambda path: many_images.write_image_group(path, plane(2, 2, 2, SIDE, SIDE, dtype="uint16"), version=version)


def _plate(path: Path) -> None:
    field = plane(1, 1, 1, SIDE, SIDE)
    many_images.write_plate(path, {"A/1": [field], "B/2": [field]}, version="0.4")


def _harmony(path: Path) -> None:
    many_images.write_harmony(path, {(1, 1, 1): plane(1, 2, 1, SIDE, SIDE)})


def _set(path: Path) -> None:
    path.mkdir()
    many_images.write_set(path, plane(1, 2, 2, SIDE, SIDE), 2, companion=True)


def _zip(path: Path) -> None:
    inside = path.with_suffix(".tif")
    _tiff(compression="zlib")(inside)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a/x.tif", "b/x.tif", "note.txt"):
            archive.write(inside, name)
        archive.writestr("inner.zip", b"PK\5\6" + bytes(18))
    inside.unlink()


def _table(path: Path) -> None:
    rows = [f"slide {i}.tif;{'cancer' if i % 2 else 'normal'};{i}" for i in range(20)]
    path.write_text("\n".join(["image;class;number", *rows]), encoding="utf-8")


READERS: dict[str, Sequence[Callable[[Path], None]]] = {
    "png": (_png, _png_palette, _png_deep),
    "jpeg": (_jpeg, _jpeg_gray),
    "bmp": (_bmp,),
    "tiff": (
        _tiff(),
        _tiff(compression="zlib", tile=(16, 16)),
        _tiff(compression="lzw", rowsperstrip=8),
        _tiff(compression="zstd", predictor=True, rowsperstrip=8),
        _tiff(compression="packbits", rowsperstrip=8),
        _tiff(compression="jpeg", tile=(16, 16)),
        _tiff(imagej=True),
        _tiff(bigtiff=True, compression="jpeg2000"),
    ),
    "ome-tiff": (_ome, _set),
    "czi": (_czi, _czi_packed),
    "nd2": (_nd2,),
    "lif": (_lif,),
    "ome-zarr": (_zarr("0.4"), _zarr("0.5"), _plate),
    "harmony": (_harmony,),
    "zip": (_zip,),
    "table": (_table,),
}
"""Writers of good files by reader."""


def write_seeds(folder: Path) -> None:
    """Write every good file once, as ``<reader>-<number>``."""
    for reader, writers in READERS.items():
        for number, write in enumerate(writers):
            write(folder / f"{reader}-{number}")


def write_damaged(seeds: Path, reader: str, number: int, target: Path) -> None:
    """Write damaged file `number` of a reader; the same number gives the same bytes.

    Parameters
    ----------
    seeds : Path
        Folder of `write_seeds`.
    reader : str
        Key of `READERS`.
    number : int
    target : Path
        Must not exist.
    """
    chance = random.Random(f"{reader} {number}")
    seed = seeds / f"{reader}-{number % len(READERS[reader])}"
    if seed.is_file():
        target.write_bytes(damaged(seed.read_bytes(), chance))
        return
    shutil.copytree(seed, target)
    files = sorted(path for path in target.rglob("*") if path.is_file())
    chosen = chance.choice(files)
    chosen.write_bytes(damaged(chosen.read_bytes(), chance))


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Damage bytes in one to four places: bits, numbers, text, pieces lost, doubled or empty."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        if not content:
            break
        content = chance.choice(_DAMAGE)(bytearray(content), chance)
    return content


def _place(content: bytearray, chance: random.Random) -> int:
    """Return a position, most often near either end, where headers are."""
    n = len(content)
    near = chance.choice((64, 512, n))
    at = chance.randrange(min(near, n))
    return at if chance.random() < 0.7 else n - 1 - at


def _bits(content: bytearray, chance: random.Random) -> bytes:
    content[_place(content, chance)] ^= 1 << chance.randrange(8)
    return bytes(content)


def _number(content: bytearray, chance: random.Random) -> bytes:
    size, at = chance.choice((1, 2, 4, 8)), _place(content, chance)
    value = chance.choice(NUMBERS) % 256**size
    content[at : at + size] = value.to_bytes(size, chance.choice(("little", "big")))
    return bytes(content)


def _text(content: bytearray, chance: random.Random) -> bytes:
    found = list(re.finditer(rb"[0-9]+(\.[0-9]+)?", content))
    if not found:
        return _number(content, chance)
    one = chance.choice(found)
    return bytes(content[: one.start()]) + chance.choice(WORDS) + bytes(content[one.end() :])


def _cut_off(content: bytearray, chance: random.Random) -> bytes:
    return bytes(content[: _place(content, chance)])


def _lost(content: bytearray, chance: random.Random) -> bytes:
    at = _place(content, chance)
    return bytes(content[:at] + content[at + chance.randint(1, 64) :])


def _doubled(content: bytearray, chance: random.Random) -> bytes:
    at = _place(content, chance)
    piece = content[at : at + chance.randint(1, 256)]
    return bytes(content[:at] + piece * chance.choice((2, 2, 50)) + content[at:])


def _emptied(content: bytearray, chance: random.Random) -> bytes:
    at, n = _place(content, chance), chance.randint(1, 64)
    content[at : at + n] = bytes(len(content[at : at + n]))
    return bytes(content)


_DAMAGE = (_bits, _number, _number, _text, _text, _cut_off, _lost, _doubled, _emptied)
