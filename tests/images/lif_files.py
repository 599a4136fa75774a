"""LIF files of version 2 with any axes, by the letter of the format: an XML header, then one memory block per image."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

_NUMBERS = {"X": 1, "Y": 2, "Z": 3, "T": 4, "e": 5, "A": 6, "M": 10, "L": 11}


@dataclass
class Image:
    """An image of a file; `axes` has one letter per axis of `pixels`, C and S for channels and colours."""

    name: str
    axes: str
    pixels: np.ndarray
    luts: Sequence[str] = ("Gray",)
    tags: Sequence[int] = ()  # 0 stain, 1 red, 2 green, 3 blue
    dyes: Sequence[str] = ()
    um_per_px: float | None = None
    interval_s: float = 0.0
    tiles: Sequence[tuple[int, int, float, float]] = ()  # field x, field y, stage x, stage y (m)
    flips: tuple[int, int, int] = (0, 0, 0)  # x, y, swapped
    row_padding: int = 0  # bytes
    bits: int | None = None  # that carry values; None: all


def write_images(path: Path, images: Sequence[Image]) -> Path:
    """Write a file of images."""
    blocks = [_padded(image) for image in images]
    elements = "".join(_element(image, i, len(blocks[i])) for i, image in enumerate(images))
    header = (
        '<LMSDataContainerHeader Version="2"><Element Name="made" Visibility="1"><Data/><Children>'
        f"{elements}</Children></Element></LMSDataContainerHeader>"
    ).encode("utf-16-le")
    content = struct.pack("<IIBI", 0x70, len(header) + 5, 0x2A, len(header) // 2) + header
    for i, block in enumerate(blocks):
        name = f"block{i}".encode("utf-16-le")
        content += struct.pack("<IIBQBI", 0x70, len(name) + 14, 0x2A, len(block), 0x2A, len(name) // 2) + name + block
    path.write_bytes(content)
    return path


def _padded(image: Image) -> bytes:
    """Return the pixels with bytes that mean nothing at the end of each row, whose last axis is X or S."""
    row_axes = len(image.axes) - image.axes.index("X")
    rows = image.pixels.reshape(-1, int(np.prod(image.pixels.shape[-row_axes:])))
    raw = rows.astype(rows.dtype.newbyteorder("<")).view(np.uint8).reshape(len(rows), -1)
    return np.pad(raw, ((0, 0), (0, image.row_padding)), constant_values=255).tobytes()


def _steps(image: Image) -> dict[str, int]:
    steps, step = {}, image.pixels.itemsize
    for letter, size in zip(reversed(image.axes), reversed(image.pixels.shape), strict=True):
        steps[letter] = step
        step *= size
        step += image.row_padding if letter == "X" else 0
    return steps


def _element(image: Image, number: int, n_bytes: int) -> str:
    steps, sizes = _steps(image), dict(zip(image.axes, image.pixels.shape, strict=True))
    colour = next((letter for letter in "CS" if letter in sizes), "")
    channels = "".join(
        f'<ChannelDescription DataType="{int(image.pixels.dtype.kind == "f")}" '
        f'ChannelTag="{image.tags[i] if image.tags else 0}" Resolution="{image.bits or 8 * image.pixels.itemsize}" '
        f'NameOfMeasuredQuantity="" Min="0" Max="1" Unit="" LUTName={quoteattr(image.luts[i % len(image.luts)])} '
        f'IsLUTInverted="0" BytesInc="{i * steps.get(colour, 0)}" BitInc="0">{_dye(image, i)}</ChannelDescription>'
        for i in range(sizes.get(colour, 1))
    )
    dimensions = "".join(
        f'<DimensionDescription DimID="{_NUMBERS[letter]}" NumberOfElements="{size}" Origin="0" '
        f'Length="{_length(image, letter, size)}" Unit="{"s" if letter == "T" else "m"}" '
        f'BytesInc="{steps[letter]}" BitInc="0"/>'
        for letter, size in reversed(sizes.items())
        if letter not in "CS"
    )
    return (
        f'<Element Name={quoteattr(image.name)} Visibility="1"><Data><Image><ImageDescription>'
        f"<Channels>{channels}</Channels><Dimensions>{dimensions}</Dimensions>"
        f"</ImageDescription>{_tilescan(image)}</Image></Data>"
        f'<Memory Size="{n_bytes}" MemoryBlockID="block{number}"/><Children/></Element>'
    )


def _length(image: Image, letter: str, size: int) -> float:
    if letter == "T":
        return (size - 1) * image.interval_s
    return (size - 1) * (image.um_per_px or 0) * 1e-6


def _dye(image: Image, number: int) -> str:
    if not image.dyes:
        return ""
    return f"<ChannelProperty><Key>DyeName</Key><Value>{image.dyes[number]}</Value></ChannelProperty>"


def _tilescan(image: Image) -> str:
    if not image.tiles:
        return ""
    tiles = "".join(f'<Tile FieldX="{a}" FieldY="{b}" PosX="{x}" PosY="{y}"/>' for a, b, x, y in image.tiles)
    flips = 'FlipX="{}" FlipY="{}" SwapXY="{}"'.format(*image.flips)
    return f'<Attachment Name="TileScanInfo" {flips}>{tiles}</Attachment>'
