"""Read the header of an image file of any format, and check it against the limits."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cellapp.config import BudgetSettings, app_settings
from cellapp.errors import InputError
from cellapp.images.formats import ome_zarr, raster, tiff, vendor
from cellapp.images.formats.sniff import detect
from cellapp.images.limits import check_budget
from cellapp.types.image import ImageInfo

SUFFIXES = frozenset({".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".czi", ".nd2", ".lif", ".zarr"})
"""Suffixes by which a folder is searched for images; the content decides whether a file is one."""


def probe(path: Path, name: str | None = None) -> ImageInfo:
    """Read the header of an image file; no pixel is decoded.

    Parameters
    ----------
    path : Path
        The file, or the folder of an OME-Zarr image. Its content decides the format.
    name : str, optional
        Name for messages; the file's name when left out.

    Returns
    -------
    ImageInfo

    Raises
    ------
    InputError
        When the file is missing, empty, no image, damaged, or not one (C, Y, X) image of real numbers.
    """
    path, name = Path(path), name or Path(path).name
    file_format = detect(path, name)
    if file_format == "tiff":
        info = tiff.probe(path, name)
    elif file_format == "ome-zarr":
        info = ome_zarr.probe(path, name)
    elif file_format in vendor.READERS:
        info = vendor.probe(path, name, file_format)
    else:
        info = raster.probe(path, name, file_format)
    if np.dtype(info.dtype).kind not in "buif":
        raise InputError(f"{name!r} has pixels of type {info.dtype}; only integers and floats can be analysed")
    return info


def admit(path: Path, name: str | None = None, budget: BudgetSettings | None = None) -> ImageInfo:
    """Probe a file and check everything that can be checked before decoding.

    Parameters
    ----------
    path, name
        See `probe`.
    budget : BudgetSettings, optional
        Limits; those of the environment when left out.

    Returns
    -------
    ImageInfo

    Raises
    ------
    BudgetError
        When the image is larger than the limits.
    InputError
        As `probe`, and when the file is cut off.
    """
    info = probe(path, name)
    check_budget(info, budget or app_settings().budget)
    if info.format in ("tiff", "ome-tiff"):
        tiff.check_complete(Path(path), info.name)
    return info
