"""The reader of each format, a module that offers what `Reader` names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from cellapp.images.formats import czi, harmony, lif, nd2, ome_zarr, raster, tiff
from cellapp.types.image import ImageInfo, LazyArray


class Reader(Protocol):
    """Reads the header and the pixels of a file of one format; what is damaged is refused with `InputError`."""

    def probe_all(self, path: Path, name: str, depth: str) -> tuple[ImageInfo, ...]:
        """Read the header and list each scene at each time point; parameters are those of `cellapp.images.probe`."""
        ...

    def open_levels(self, path: Path, info: ImageInfo) -> tuple[LazyArray, ...]:
        """Return each level of an image, (C, Y, X), full resolution first, without decoding it."""
        ...

    def reads_regions(self, path: Path, info: ImageInfo) -> bool:
        """Return whether a part of the full level can be decoded without decoding all of it."""
        ...


READERS: Mapping[str, Reader] = {
    "tiff": tiff,
    "ome-tiff": tiff,
    "ome-zarr": ome_zarr,
    "harmony": harmony,
    "czi": czi,
    "nd2": nd2,
    "lif": lif,
    "png": raster,
    "jpeg": raster,
    "bmp": raster,
}
"""By `ImageInfo.format`, and as `cellapp.images.formats.detect.detect` names a file."""
