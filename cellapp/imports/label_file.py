"""The labels of one image from a file of this or another program, whichever way it wrote them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from cellapp.errors import InputError
from cellapp.exports.geojson import read_geojson
from cellapp.exports.rle_tables import read_rle_table
from cellapp.images.formats.faults import fault
from cellapp.imports.cellpose_seg import read_masks
from cellapp.imports.coco import choose_image, is_coco, read_coco
from cellapp.imports.imagej_rois import read_rois
from cellapp.segmentation.label_image import as_labels, read_labels

IMAGES = (".tif", ".tiff", ".png", ".bmp")
SUFFIXES = (*IMAGES, ".npy", ".geojson", ".json", ".zip", ".roi")
FORMATS = "TIFF or PNG label image, Cellpose's _seg.npy, ImageJ ROIs (.zip, .roi), GeoJSON of QuPath, COCO (.json)"
"""In words, of files that folders are searched for; a table of run lengths (.csv) has to be named."""


def read_label_file(path: Path, shape: tuple[int, int], *, image: str = "") -> np.ndarray:
    """Read the labels of an image.

    Parameters
    ----------
    path : Path
        A label image; ``_seg.npy`` of Cellpose or a NumPy array; ImageJ ROIs, one or a zip of them; GeoJSON as QuPath
        or `cellapp.exports.geojson` writes it; a COCO file; a table of run lengths (`cellapp.exports.rle_tables`),
        whose rows are numbered from 1.
    shape : tuple of int
        (Y, X) of the image.
    image : str
        Name or stem of the image, by which a COCO file or a table of several is searched.

    Returns
    -------
    ndarray of shape (Y, X), int32
        0 is background. Ids are those of the file where it has any; outlines without ids are numbered in their order,
        and a pixel belongs to an outline when its centre does, to the last one where they overlap.

    Raises
    ------
    InputError
        When the file is none of these, damaged, of another size, or holds ids that are none.
    """
    suffix = path.suffix.lower()
    if not path.is_file():
        raise InputError(f"no file {path.name!r} with labels")
    if suffix in IMAGES:
        return read_labels(path, shape)
    if suffix == ".npy":
        return _fitting(as_labels(read_masks(path), repr(path.name)), shape, path.name)
    if suffix in (".zip", ".roi"):
        return read_rois(path, shape)
    if suffix == ".csv":
        images = read_rle_table(path)
        chosen = list(images)[choose_image(list(images), path.name, image)]
        return _fitting(images[chosen].labels(), shape, path.name)
    if suffix in (".geojson", ".json"):
        tree = _json(path)
        return read_coco(tree, path.name, shape, image) if is_coco(tree) else read_geojson(path, shape)
    raise InputError(f"{path.name!r} is no file with labels; give one of these: {FORMATS}")


def _fitting(labels: np.ndarray, shape: tuple[int, int], name: str) -> np.ndarray:
    if labels.shape != tuple(shape):
        expected, size = (f"{rows} x {columns}" for rows, columns in (shape, labels.shape))
        raise InputError(f"labels must have the size of their image, {expected}; {name!r} is {size}")
    return labels


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path.name!r} cannot be read as JSON ({fault(error)}); copy or export it again") from error
