"""labels.tif: the label image as other programs read it."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from cellapp.errors import InputError
from cellapp.files import atomic_write
from cellapp.images.formats.pixel_size import to_ome
from cellapp.types.cells import LabelMask

TILE_PX = 512

RedrawTile = Callable[[int, int, Callable[[], np.ndarray]], np.ndarray | None]
"""Takes row and column of a tile and a function that decodes it; returns the new tile, or None where it stays."""


def write_labels(mask: LabelMask, path: Path, *, um_per_px: float | None = None) -> Path:
    """Write a tiled, deflate-compressed uint32 OME-TIFF.

    Parameters
    ----------
    mask : LabelMask
    path : Path
    um_per_px : float, optional
        Pixel size, stored as OME ``PhysicalSize`` and as TIFF resolution.

    Returns
    -------
    Path
        `path`.
    """
    with atomic_write(path) as part:
        tifffile.imwrite(part, _unsigned(mask.labels), **_written_as(um_per_px))
    return path


def rewrite_tiles(path: Path, redraw: RedrawTile, *, um_per_px: float | None = None) -> None:
    """Change some tiles of a file that `write_labels` wrote; the others are copied as they are, none is decoded.

    The file is the one that `write_labels` would write of the changed labels, byte for byte, and replaces the old one
    in one step: who has that open reads on in it.

    Parameters
    ----------
    path : Path
    redraw : callable
        Is given row and column of each tile and a function that decodes it, (512, 512) uint32, zero beyond the image;
        returns the new tile, or None where it stays.
    um_per_px : float, optional
        See `write_labels`.

    Raises
    ------
    InputError
        When it is another kind of file.
    """
    with tifffile.TiffFile(path) as file, atomic_write(path) as part:
        page = file.pages[0]
        if page.tile != (TILE_PX, TILE_PX) or page.compression != 8 or page.predictor != 1 or page.ndim != 2:
            raise InputError(f"{path.name!r} is no label image of this program; analyse the image again")
        tiles = _tiles(file, page, redraw)
        tifffile.imwrite(part, tiles, shape=page.shape, dtype=np.uint32, **_written_as(um_per_px))


def tile_corner(y: int, x: int) -> tuple[int, int]:
    """Return row and column of the first pixel of the tile that a pixel lies in."""
    return y // TILE_PX * TILE_PX, x // TILE_PX * TILE_PX


def _tiles(file: tifffile.TiffFile, page: Any, redraw: RedrawTile) -> Iterator[bytes]:
    """Yield the packed tiles of a file, in order."""
    n_columns = -(-page.shape[1] // TILE_PX)
    pack, kind = tifffile.TIFF.COMPRESSORS[page.compression], np.dtype(f"{file.byteorder}u4")
    for number, (offset, n_bytes) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
        file.filehandle.seek(offset)
        packed = file.filehandle.read(n_bytes)

        def decode(packed: bytes = packed) -> np.ndarray:
            return np.frombuffer(zlib.decompress(packed), kind).reshape(TILE_PX, TILE_PX).astype(np.uint32)

        redrawn = redraw(*divmod(number, n_columns), decode)
        yield packed if redrawn is None else bytes(pack(np.ascontiguousarray(redrawn, np.uint32)))


def _written_as(um_per_px: float | None) -> dict[str, Any]:
    """Return how the file is written: the same labels give the same bytes, because the UUID is fixed."""
    metadata = {"axes": "YX", "UUID": str(uuid.UUID(int=0)), "Name": "labels"}
    resolution = {}
    if um_per_px:
        metadata |= to_ome(um_per_px)
        resolution = {"resolution": (1e4 / um_per_px,) * 2, "resolutionunit": "CENTIMETER"}
    return {
        "ome": True,
        "tile": (TILE_PX, TILE_PX),
        "compression": "zlib",  # Adobe's deflate, which every reader knows
        "photometric": "minisblack",
        "metadata": metadata,
        **resolution,
    }


def _unsigned(labels: np.ndarray) -> np.ndarray:
    """Return labels as uint32, those of a whole slide without a copy: ids are never negative."""
    return labels.view(np.uint32) if labels.dtype == np.int32 else labels.astype(np.uint32, copy=False)
