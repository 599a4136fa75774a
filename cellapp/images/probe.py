"""Read the header of an image file of any format, and check it against the limits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cellapp.config import BudgetSettings, app_settings
from cellapp.errors import InputError
from cellapp.images.formats import harmony, ome_zarr, raster, tiff
from cellapp.images.formats.detect import detect
from cellapp.images.formats.readers import READERS
from cellapp.images.formats.sniff import reading
from cellapp.images.limits import check_budget
from cellapp.types.image import FIRST_IMAGE, ImageInfo, Selection

PICTURES = ("png", "jpeg", "bmp")
"""Formats of one picture, without scenes or levels."""


def probe_all(path: Path, name: str | None = None, depth: str = "max") -> tuple[ImageInfo, ...]:
    """Read the header of an image file and list what it holds; no pixel is decoded, but for windows of declared alpha.

    Parameters
    ----------
    path : Path
        The file, or a folder that is one image file. Its content decides the format.
    name : str, optional
        Name for messages; the file's name when left out.
    depth : str
        How several planes of depth become one: "max", "mean", "sharpest", or the number of one plane from 1.

    Returns
    -------
    tuple of ImageInfo
        Every scene at every time point: scene by scene in the order of the file, within a scene by time.

    Raises
    ------
    BudgetError
        When the file lists more images than the limit.
    InputError
        When the file is missing, empty, no image, damaged, holds no image of real numbers, or `depth` does not fit.
    """
    path, name = Path(path), name or Path(path).name
    Selection(depth=depth)  # refuses what is no rule
    with reading(name):
        images = READERS[detect(path, name)].probe_all(path, name, depth)
    for info in images:
        if np.dtype(info.dtype).kind not in "buif":
            raise InputError(f"{name!r} has pixels of type {info.dtype}; only integers and floats can be analysed")
    return images


def probe(path: Path, name: str | None = None, selection: Selection = FIRST_IMAGE) -> ImageInfo:
    """Read the header of one image of a file; no pixel is decoded.

    Parameters
    ----------
    path, name
        See `probe_all`.
    selection : Selection
        Which image, and the rule for its depth; the first when left out.

    Returns
    -------
    ImageInfo
        Its `selection` is the one given, with the rule "max" where there is one plane of depth.

    Raises
    ------
    BudgetError, InputError
        As `probe_all`, and when the scene or time point is not there.
    """
    return _chosen(probe_all(path, name, selection.depth), selection)


def admit_all(
    path: Path, name: str | None = None, budget: BudgetSettings | None = None, depth: str = "max"
) -> tuple[ImageInfo, ...]:
    """List the images of a file and check everything that can be checked before decoding.

    Parameters
    ----------
    path, name, depth
        See `probe_all`.
    budget : BudgetSettings, optional
        Limits of each image; those of the environment when left out.

    Returns
    -------
    tuple of ImageInfo

    Raises
    ------
    BudgetError
        When an image is larger than the limits, or the file lists too many.
    InputError
        As `probe_all`, and when the file is cut off.
    """
    images = probe_all(path, name, depth)
    for info in images:
        check_budget(info, budget or app_settings().budget)
    if images[0].format in ("tiff", "ome-tiff"):  # a plate of thousands of files is checked field by field, in `admit`
        tiff.check_complete(Path(path), [info for info in images if info.selection.time == 0])
    elif images[0].format in PICTURES:
        raster.check_complete(Path(path), images[0])
    return images


def admit(
    path: Path,
    name: str | None = None,
    budget: BudgetSettings | None = None,
    selection: Selection = FIRST_IMAGE,
) -> ImageInfo:
    """Probe one image of a file and check everything that can be checked before decoding.

    Parameters
    ----------
    path, name, selection
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
    info = probe(path, name, selection)
    check_budget(info, budget or app_settings().budget)
    _check_complete(Path(path), info)
    return info


def _check_complete(path: Path, info: ImageInfo) -> None:
    if info.format in ("tiff", "ome-tiff"):
        tiff.check_complete(path, [info])
    elif info.format == "ome-zarr":
        ome_zarr.check_complete(path, info)
    elif info.format == "harmony":
        harmony.check_complete(path, info)
    elif info.format in PICTURES:
        raster.check_complete(path, info)


def _chosen(images: Sequence[ImageInfo], selection: Selection) -> ImageInfo:
    name, scenes = images[0].name, [info for info in images if info.selection.time == 0]
    if selection.scene >= len(scenes):
        names = ", ".join(filter(None, (info.scene for info in scenes[:8]))) + ("…" if len(scenes) > 8 else "")
        there = f"{len(scenes)} scenes ({names})" if len(scenes) > 1 else "one scene"
        raise InputError(f"{name!r} has {there}, no scene {selection.scene + 1}; they count from 1")
    n_times = scenes[selection.scene].n_times
    if selection.time >= n_times:
        there = f"{n_times} time points" if n_times > 1 else "one time point"
        raise InputError(f"{name!r} has {there}, no time point {selection.time + 1}; they count from 1")
    return next(
        info for info in images if (info.selection.scene, info.selection.time) == (selection.scene, selection.time)
    )
