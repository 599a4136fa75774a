"""The two files of one cell: raw pixels as OME-TIFF, and a picture with its outline, class and reason."""

from __future__ import annotations

import hashlib
import math
import textwrap
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

import numpy as np
import pandas as pd
import tifffile

from cellapp.cells.counts import REJECTED
from cellapp.cells.crop import crop
from cellapp.cells.region_reader import PixelSource
from cellapp.cells.shape import BOX_COLUMNS
from cellapp.exports.zip_entries import Entry, append, entry_of
from cellapp.images.formats.pixel_size import to_ome
from cellapp.rendering.annotations import cell_outline, magnify, scale_bar, strip
from cellapp.rendering.colours import class_colour, rgb
from cellapp.rendering.composition import Composition, ImageStyle
from cellapp.rendering.png import png_bytes
from cellapp.settings import CropMode, CropSettings
from cellapp.types.cells import LabelMask
from cellapp.types.image import Role

BATCH = 64  # cells in memory at a time
CAPTION_LETTERS = 28  # fit the narrowest picture
SHOWN_PX = 192  # crops are magnified by a whole factor up to this side
_SHAPES_KEPT = 256
OUTCOME = "outcome"
"""Column of what a cell counts as, which depends on all cells of the image."""
OME_TYPES = ("bool", "int8", "int16", "int32", "uint8", "uint16", "uint32", "float32", "float64")


@dataclass(frozen=True)
class CropLook:
    """How the cells of one image are cut and drawn; small, so that it is sent with tasks."""

    channels: tuple[str, ...]
    roles: tuple[Role, ...]
    composition: Composition
    settings: CropSettings
    classes: tuple[str, ...] = ()  # of the head, which decide colours
    um_per_px: float | None = None  # of the crops: None also where each has its own scale

    @classmethod
    def of(
        cls, style: ImageStyle, settings: CropSettings, classes: Sequence[str] = (), um_per_px: float | None = None
    ) -> CropLook:
        """Return the look of the crops of an image of that style."""
        native_um = None if settings.mode is CropMode.LETTERBOXED else um_per_px
        return cls(style.channels, style.roles, style.composition, settings, tuple(classes), native_um)


def shown_columns(cells: pd.DataFrame, counted_as: pd.Series) -> pd.DataFrame:
    """Return what drawing needs to know of cells: their boxes and what is written below their pictures."""
    names = [*BOX_COLUMNS, "label", "manual_label", "qc_reason", *(n for n in cells if str(n).startswith("p_"))]
    return cells[[name for name in names if name in cells]].assign(**{OUTCOME: counted_as.astype(str)})


def write_files(
    archive: zipfile.ZipFile,
    read: PixelSource,
    mask: LabelMask,
    cells: pd.DataFrame,
    look: CropLook,
    *,
    each: Callable[..., Iterable[tuple[bytes, Entry, Entry]]] = map,
    before_batch: Callable[[int], None] | None = None,
) -> Iterator[bytes]:
    """Write both files of each cell into an archive.

    Parameters
    ----------
    archive : ZipFile
    read : callable
        Raw pixels, see `cellapp.cells.region_reader.cached_reader`.
    mask : LabelMask
    cells : DataFrame
        As `shown_columns` returns them.
    look : CropLook
    each : callable
        Makes the files as `map` does; that of a pool of threads uses every core, as drawing and compression let other
        threads run.
    before_batch : callable, optional
        Gets the row of the first cell of each batch; may raise `Cancelled`.

    Yields
    ------
    bytes
        sha256 of the raw file of each cell.
    """
    for start in range(0, len(cells), BATCH):
        if before_batch:
            before_batch(start)
        some = cells.iloc[start : start + BATCH]
        crops = crop(read, mask, some, look.settings, channels=look.channels, roles=look.roles, with_inside=True)
        looks = [look] * len(some)
        for digest, *files in each(_files, some.index, crops.pixels, crops.inside, _captions(some), looks):
            for file in files:
                append(archive, file)
            yield digest


def _files(
    cell_id: int, pixels: np.ndarray, inside: np.ndarray, caption: tuple[str, list[str]], look: CropLook
) -> tuple[bytes, Entry, Entry]:
    """Return the sha256 of the raw file of a cell, and both of its files."""
    raw, picture = _raw_file(pixels, look.channels, look.um_per_px), _picture(pixels, inside, caption, look)
    return (
        hashlib.sha256(raw).digest(),
        entry_of(f"raw/{cell_id}.tif", raw, zipfile.ZIP_DEFLATED),
        entry_of(f"annotated/{cell_id}.png", picture, zipfile.ZIP_STORED),
    )


def _captions(cells: pd.DataFrame) -> list[tuple[str, list[str]]]:
    """Return what each cell counts as, and the lines below its picture."""
    return [(row[OUTCOME], _caption(cell_id, row)) for cell_id, row in zip(cells.index, _rows(cells), strict=True)]


def _rows(cells: pd.DataFrame) -> list[dict[str, object]]:
    return cells.to_dict("records")


def _caption(cell_id: int, row: dict[str, object]) -> list[str]:
    name, label = row[OUTCOME], row.get("label", "")
    p = row.get(f"p_{label}", math.nan)
    sure = f"p({label}) {p:.2f}" if isinstance(label, str) and label and not math.isnan(p) else ""
    by_hand = " (by hand)" if row.get("manual_label", "") else ""
    reason = textwrap.wrap(row["qc_reason"], CAPTION_LETTERS) if name == REJECTED else []
    return [f"cell {cell_id}: {name}{by_hand}", *(reason or [sure])]


def _picture(pixels: np.ndarray, inside: np.ndarray, caption: tuple[str, list[str]], look: CropLook) -> bytes:
    name, lines = caption
    picture = _annotated(look.composition.draw(pixels), inside, class_colour(name, look.classes), look.um_per_px)
    return png_bytes(np.concatenate([picture, strip(picture.shape[1], lines)]))


def _annotated(picture: np.ndarray, inside: np.ndarray, colour: str, um_per_px: float | None) -> np.ndarray:
    factor = max(1, math.ceil(SHOWN_PX / max(inside.shape)))
    height, width = (side + 2 for side in inside.shape)
    # a frame of one pixel, because a tight crop has no background for the outline to end at
    framed, cell = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), bool)
    framed[1:-1, 1:-1], cell[1:-1, 1:-1] = picture, inside
    missing = max(SHOWN_PX - factor * width, 0)
    shown = np.zeros((factor * height, factor * width + missing, 3), np.uint8)
    middle = shown[:, missing // 2 : missing // 2 + factor * width]
    middle[:] = magnify(framed, factor)
    middle[cell_outline(magnify(cell, factor), 2)] = rgb(colour)
    return scale_bar(shown, um_per_px / factor) if um_per_px else shown


def _raw_file(pixels: np.ndarray, channels: Sequence[str], um_per_px: float | None) -> bytes:
    """Return a crop as OME-TIFF; of crops of one shape only the pixels differ, and writing the rest takes longer."""
    if pixels.dtype == bool:  # its pixels are bits in the file
        return _tiff(pixels, channels, um_per_px)[0]
    before, after = _around_pixels(pixels.shape, pixels.dtype, tuple(channels), um_per_px)
    return b"".join([before, np.ascontiguousarray(pixels), after])


@lru_cache(_SHAPES_KEPT)
def _around_pixels(
    shape: tuple[int, ...], dtype: np.dtype, channels: tuple[str, ...], um_per_px: float | None
) -> tuple[bytes, bytes]:
    """Return what stands before and after the pixels of a raw file."""
    pixels = np.zeros(shape, dtype)
    file, (start, _) = _tiff(pixels, channels, um_per_px)
    return file[:start], file[start + pixels.nbytes :]


def _tiff(pixels: np.ndarray, channels: Sequence[str], um_per_px: float | None) -> tuple[bytes, tuple[int, int] | None]:
    """Return a TIFF, and where the pixels of its first page begin and end if they lie there as in memory."""
    # a fixed UUID: the same crop gives the same bytes
    metadata = {"axes": "CYX", "Channel": {"Name": list(channels)}, "UUID": str(uuid.UUID(int=0))}
    if um_per_px:
        metadata |= to_ome(um_per_px)
    # OME has no half floats and no 64-bit integers; those get tifffile's own description
    ome = str(pixels.dtype) in OME_TYPES
    metadata = metadata if ome else {"axes": "CYX", "channels": list(channels)}
    buffer = BytesIO()
    where = tifffile.imwrite(buffer, pixels, ome=ome, photometric="minisblack", metadata=metadata, returnoffset=True)
    return buffer.getvalue(), where
