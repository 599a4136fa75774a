"""labels.tif: the label image as other programs read it."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import tifffile

from cellapp.files import atomic_write
from cellapp.images.formats.pixel_size import to_ome
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
        metadata |= to_ome(um_per_px)
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
