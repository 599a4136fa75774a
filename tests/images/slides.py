"""Slides in memory and small files for the tests of images."""

import math
from pathlib import Path

import numpy as np
import tifffile

from cellapp.images.channel_names import default_names
from cellapp.types.image import ImageInfo, Slide


def slide_of(
    *levels: np.ndarray, channels: tuple[str, ...] = (), name: str = "made.tif", um_per_px: float | None = None
) -> Slide:
    """A slide of (C, Y, X) arrays, full resolution first."""
    first = levels[0]
    info = ImageInfo(
        name=name,
        format="tiff",
        shape=first.shape,
        dtype=first.dtype.name,
        channels=channels or default_names(first.shape[0]),
        um_per_px=um_per_px,
        levels=tuple(level.shape[1:] for level in levels),
        bytes_on_disk=math.prod(first.shape) * first.dtype.itemsize,
    )
    return Slide(info, digest=name.ljust(64, "0"), levels=levels)


class Undecodable:
    """A level that must not be read."""

    dtype = np.dtype(np.uint8)

    def __init__(self, *shape: int) -> None:
        self.shape = shape

    def __getitem__(self, key: object) -> np.ndarray:
        raise AssertionError("the full level was decoded")


def noise(*shape: int, dtype: str = "uint16", seed: int = 0) -> np.ndarray:
    """Random pixels over the whole range of an integer type, 0 to 1 for floats."""
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return rng.random(shape).astype(kind)
    return rng.integers(0, np.iinfo(kind).max, shape, dtype=kind, endpoint=True)


def ome_tiff(path: Path, pixels: np.ndarray, names: list[str], *, levels: int = 1, **metadata: object) -> Path:
    """Write a tiled, compressed OME-TIFF of (C, Y, X), each level half the size of the one before."""
    options = {"tile": (64, 64), "compression": "zlib", "photometric": "minisblack"}
    with tifffile.TiffWriter(path) as tif:
        metadata = {"axes": "CYX", "Channel": {"Name": names}, **metadata}
        tif.write(pixels, subifds=levels - 1, metadata=metadata, **options)
        for level in range(1, levels):
            tif.write(pixels[:, :: 2**level, :: 2**level], subfiletype=1, **options)
    return path
