"""Label images as single pictures, PNG or TIFF, and many of them with their run lengths in one zip."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import tifffile
from PIL import Image

from cellapp.exports.rle_tables import IMAGES_CSV, rle_table
from cellapp.exports.tables import csv_text

PROBLEMS_CSV = "problems.csv"
MOST_IN_PNG = np.iinfo(np.uint16).max
"""The highest id that fits into a PNG."""

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


def mask_zip(
    masks: Mapping[str, np.ndarray],
    problems: Sequence[tuple[str, str]] = (),
    *,
    answer: Answer = "labels",
    form: Format = "png",
) -> bytes:
    """Put masks into one zip.

    Parameters
    ----------
    masks : mapping of str to ndarray of shape (Y, X), integer
        By name, which is used for files.
    problems : sequence of (str, str)
        Names of files without a mask, and why.
    answer, form
        See `mask_picture`.

    Returns
    -------
    bytes
        ``<name>_masks.png`` of each, ``images.csv`` with their foreground as run lengths, and ``problems.csv`` where
        there are any.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, labels in masks.items():
            picture = mask_picture(labels, answer, form)
            archive.writestr(f"{name}_masks{picture.suffix}", picture.content, zipfile.ZIP_STORED)
        archive.writestr(IMAGES_CSV, csv_text(rle_table(masks.items())))
        if problems:
            archive.writestr(PROBLEMS_CSV, csv_text(pd.DataFrame(problems, columns=["name", "problem"])))
    return stream.getvalue()
