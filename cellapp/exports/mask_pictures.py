"""Label images as single pictures, PNG or TIFF, and many of them with their run lengths in one zip."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import numpy as np
import pandas as pd
import tifffile
from PIL import Image

from cellapp.exports.rle_tables import IMAGES_CSV, rle_table
from cellapp.exports.tables import csv_text
from cellapp.exports.zip_bundle import DATE
from cellapp.files import without_litter
from cellapp.images.read import open_slide
from cellapp.segmentation.label_image import read_labels

PROBLEMS_CSV = "problems.csv"
MOST_IN_PNG = np.iinfo(np.uint16).max
"""The highest id that fits into a PNG."""
MOST_PX = 2**26
"""Pixels of a label image of a run that becomes a picture."""

Answer = Literal["labels", "foreground"]
"""Ids of cells, or 255 where there is one."""
Format = Literal["png", "tiff"]
MEDIA_TYPES = {".png": "image/png", ".tif": "image/tiff"}


@dataclass(frozen=True)
class MaskPicture:
    """A file that holds one mask."""

    content: bytes
    suffix: str  # ".png" or ".tif"


def mask_picture(labels: np.ndarray, answer: Answer = "labels", form: Format = "png") -> MaskPicture:
    """Write a mask of the size of its image.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), integer
    answer : {"labels", "foreground"}
        Ids in 16 bits, or 0 and 255 in 8 bits.
    form : {"png", "tiff"}
        Ids that 16 bits do not hold make it a TIFF of 32 bits whatever is asked for.

    Returns
    -------
    MaskPicture
    """
    if answer == "foreground":
        pixels = np.where(labels > 0, np.uint8(255), np.uint8(0))
    else:
        pixels = labels.astype(np.uint16 if labels.max(initial=0) <= MOST_IN_PNG else np.uint32)
    stream = io.BytesIO()
    if form == "png" and pixels.dtype != np.uint32:
        Image.fromarray(pixels).save(stream, format="PNG")
        return MaskPicture(stream.getvalue(), ".png")
    tifffile.imwrite(stream, pixels, compression="zlib", photometric="minisblack", metadata=None)
    return MaskPicture(stream.getvalue(), ".tif")


def write_mask_zip(
    stream: IO[bytes],
    masks: Iterable[tuple[str, np.ndarray]],
    problems: Sequence[tuple[str, str]] = (),
    *,
    answer: Answer = "labels",
    form: Format = "png",
) -> None:
    """Put masks into one zip, one after the other.

    Parameters
    ----------
    stream : binary file, open for writing
        Gets ``<name>_masks.png`` of each, ``images.csv`` with their foreground as run lengths, and ``problems.csv``
        where there are any.
    masks : iterable of (str, ndarray of shape (Y, X), integer)
        Names, which are used for files, and labels.
    problems : sequence of (str, str)
        Names of files without a mask, and why.
    answer, form
        See `mask_picture`.
    """
    tables = []
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, labels in masks:
            picture = mask_picture(labels, answer, form)
            archive.writestr(_entry(f"{name}_masks{picture.suffix}"), picture.content, zipfile.ZIP_STORED)
            tables.append(rle_table([(name, labels)]))
        archive.writestr(_entry(IMAGES_CSV), csv_text(pd.concat([rle_table([]), *tables])), zipfile.ZIP_DEFLATED)
        if problems:
            table = pd.DataFrame(problems, columns=["name", "problem"])
            archive.writestr(_entry(PROBLEMS_CSV), csv_text(table), zipfile.ZIP_DEFLATED)


def run_masks(folder: Path) -> list[tuple[str, Path]]:
    """Return names and label images of a run; those above `MOST_PX`, which are no pictures to look at, stay out.

    Parameters
    ----------
    folder : Path
        ``--out`` of analyse or segment.
    """
    files = [(path.parent.name, path) for path in without_litter(folder.glob("*/labels.tif"), folder)]
    return [(name, path) for name, path in files if open_slide(path, digest=name).info.pixels <= MOST_PX]


def write_run_masks(folder: Path, stream: IO[bytes]) -> None:
    """Put the masks of a run into one zip, see `write_mask_zip` and `run_masks`."""
    write_mask_zip(stream, ((name, read_labels(path)) for name, path in run_masks(folder)))


def _entry(name: str) -> zipfile.ZipInfo:
    """Return a member without the time, so that equal masks give equal bytes."""
    return zipfile.ZipInfo(name, DATE)
