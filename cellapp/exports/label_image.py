"""labels.tif: the label image as other programs read it."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import tifffile

from cellapp.errors import InputError
from cellapp.files import atomic_write
from cellapp.images.read import open_slide
from cellapp.types.cells import LabelMask

TILE_PX = 512


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
    # a fixed UUID: the same labels give the same bytes
    metadata = {"axes": "YX", "UUID": str(uuid.UUID(int=0)), "Name": "labels"}
    resolution = {}
    if um_per_px:
        metadata |= pixel_size_metadata(um_per_px)
        resolution = {"resolution": (1e4 / um_per_px,) * 2, "resolutionunit": "CENTIMETER"}
    with atomic_write(path) as part:
        tifffile.imwrite(
            part,
            _unsigned(mask.labels),
            ome=True,
            tile=(TILE_PX, TILE_PX),
            compression="zlib",  # Adobe's deflate, which every reader knows
            photometric="minisblack",
            metadata=metadata,
            **resolution,
        )
    return path


def _unsigned(labels: np.ndarray) -> np.ndarray:
    """Return labels as uint32, those of a whole slide without a copy: ids are never negative."""
    return labels.view(np.uint32) if labels.dtype == np.int32 else labels.astype(np.uint32, copy=False)


def read_labels(path: Path, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Read a label image in any format `cellapp.images.read` knows.

    Parameters
    ----------
    path : Path
    shape : tuple of int, optional
        (Y, X) the labels must have.

    Returns
    -------
    ndarray of shape (Y, X), int32
        Ids as they are in the file.

    Raises
    ------
    InputError
        If it is no image, has several channels, floats, another size, or ids that do not fit.
    """
    slide = open_slide(path)
    n_channels, *size = slide.info.shape
    if n_channels != 1:
        raise InputError(f"a label image has one channel; {path.name!r} has {n_channels}; export the labels alone")
    if not np.issubdtype(np.dtype(slide.info.dtype), np.integer) and slide.info.dtype != "bool":
        raise InputError(
            f"a label image holds whole numbers; {path.name!r} holds {slide.info.dtype}; "
            "save it as 16- or 32-bit integers"
        )
    if shape is not None and tuple(size) != tuple(shape):
        raise InputError(
            f"labels must have the size of their image, {shape[0]} x {shape[1]}; {path.name!r} is {size[0]} x {size[1]}"
        )
    labels = slide.region()[0]
    if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) <= np.iinfo(np.int32).max:
        raise InputError(f"label ids lie between 0 and 2147483647; {path.name!r} has others; number the cells anew")
    return labels.astype(np.int32)


def pixel_size_metadata(um_per_px: float) -> dict[str, object]:
    """Return the pixel size as `tifffile` takes it for OME-TIFF."""
    return {f"PhysicalSize{axis}": um_per_px for axis in "XY"} | {f"PhysicalSize{axis}Unit": "µm" for axis in "XY"}
