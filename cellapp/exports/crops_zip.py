"""crops.zip: every cell as raw pixels and as a picture with its outline and class, and a manifest."""

from __future__ import annotations

import hashlib
import math
import textwrap
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

from cellapp.cells.counts import REJECTED, classes_of, outcome
from cellapp.cells.crop import crop
from cellapp.cells.region_reader import PixelSource, cached_reader
from cellapp.cells.shape import BOX_COLUMNS
from cellapp.compute.executor import n_cores
from cellapp.exports.tables import write_csv
from cellapp.files import atomic_write
from cellapp.images.formats.pixel_size import to_ome
from cellapp.rendering.annotations import draw_outlines, magnify, png_bytes, scale_bar, strip
from cellapp.rendering.colours import class_colour
from cellapp.rendering.composition import ImageStyle
from cellapp.settings import CropMode, CropSettings
from cellapp.types.cells import Crops, LabelMask
from cellapp.types.image import OnStep, Slide

BATCH = 64  # cells in memory at a time
CAPTION_LETTERS = 28  # fit the narrowest picture
SHOWN_PX = 192  # crops are magnified by a whole factor up to this side
OME_TYPES = ("bool", "int8", "int16", "int32", "uint8", "uint16", "uint32", "float32", "float64")


def write_crops(
    source: PixelSource | Slide | np.ndarray,
    mask: LabelMask,
    cells: pd.DataFrame,
    path: Path,
    *,
    style: ImageStyle,
    settings: CropSettings,
    classes: Sequence[str] = (),
    um_per_px: float | None = None,
    on_step: OnStep | None = None,
) -> Path:
    """Write raw and annotated crops of every cell, rejected ones too, a few at a time.

    Parameters
    ----------
    source : callable, Slide or ndarray of shape (C, Y, X)
        Raw pixels.
    mask : LabelMask
    cells : DataFrame
        Cell table with boxes, `qc_pass` and `qc_reason`.
    path : Path
    style : ImageStyle
        Channels of the image and how annotated crops look.
    settings : CropSettings
        How crops are cut; what is annotated is the raw crop, so both show the same.
    classes : sequence of str
        All classes of the head, which decide colours.
    um_per_px : float, optional
        Draws a scale bar, unless crops are letterboxed, where each has its own scale.
    on_step : callable, optional
        Progress; may raise `Cancelled`.

    Returns
    -------
    Path
        A zip of ``raw/<cell_id>.tif`` (native dtype, axes CYX, channel names as OME metadata),
        ``annotated/<cell_id>.png`` and ``manifest.csv``. The same input gives the same bytes.
    """
    counted_as, digests = outcome(cells), []
    native_um = None if settings.mode is CropMode.LETTERBOXED else um_per_px
    draw = partial(_picture, style=style, classes=tuple(classes), um_per_px=native_um)
    with atomic_write(path) as part, zipfile.ZipFile(part, "w") as archive, ThreadPoolExecutor(n_cores()) as pool:
        for start, crops in _batches(source, mask, cells, style, settings):
            if on_step:
                on_step("Writing crops", start / len(cells))
            some = slice(start, start + BATCH)
            # Drawing and compressing pictures, which takes most of the time, lets other threads run.
            pictures = pool.map(draw, crops.pixels, crops.inside, _captions(cells.iloc[some], counted_as.iloc[some]))
            for cell_id, pixels, picture in zip(cells.index[some], crops.pixels, pictures, strict=True):
                raw = _raw_file(pixels, style.channels, native_um)
                _add(archive, f"raw/{cell_id}.tif", raw, zipfile.ZIP_DEFLATED)
                _add(archive, f"annotated/{cell_id}.png", picture, zipfile.ZIP_STORED)
                digests.append(hashlib.sha256(raw).hexdigest())
        manifest = write_csv(_manifest(cells, counted_as, digests), part.with_name("manifest.csv"))
        _add(archive, manifest.name, manifest.read_bytes(), zipfile.ZIP_DEFLATED)
    return path


def read_raw_crops(path: Path, cell_ids: Sequence[int]) -> dict[int, np.ndarray]:
    """Read the raw crops of some cells, (C, h, w) each, by cell id; those that are not there are left out."""
    found: dict[int, np.ndarray] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            for cell_id in cell_ids:
                if f"raw/{cell_id}.tif" in names:
                    pixels = tifffile.imread(BytesIO(archive.read(f"raw/{cell_id}.tif")))
                    found[int(cell_id)] = pixels if pixels.ndim == 3 else pixels[None]
    except (OSError, zipfile.BadZipFile, tifffile.TiffFileError):
        return {}
    return found


def _batches(
    source: PixelSource | Slide | np.ndarray,
    mask: LabelMask,
    cells: pd.DataFrame,
    style: ImageStyle,
    settings: CropSettings,
) -> Iterator[tuple[int, Crops]]:
    """Yield crops of some cells at a time and the row of the first; blocks once decoded are kept for the next."""
    read = cached_reader(source, mask.labels.shape)
    for start in range(0, len(cells), BATCH):
        some = cells.iloc[start : start + BATCH]
        yield start, crop(read, mask, some, settings, channels=style.channels, roles=style.roles, with_inside=True)


def _captions(cells: pd.DataFrame, counted_as: pd.Series) -> list[tuple[str, list[str]]]:
    """Return what each cell counts as, and the lines below its picture."""
    names = [str(name) for name in counted_as]
    return [(name, _caption(row, name)) for (_, row), name in zip(cells.iterrows(), names, strict=True)]


def _picture(
    pixels: np.ndarray,
    inside: np.ndarray,
    caption: tuple[str, list[str]],
    *,
    style: ImageStyle,
    classes: tuple[str, ...],
    um_per_px: float | None,
) -> bytes:
    name, lines = caption
    picture = _annotated(style.show(pixels), inside, class_colour(name, classes), um_per_px)
    return png_bytes(np.concatenate([picture, strip(picture.shape[1], lines)]))


def _raw_file(pixels: np.ndarray, channels: Sequence[str], um_per_px: float | None) -> bytes:
    # a fixed UUID: the same crop gives the same bytes
    metadata = {"axes": "CYX", "Channel": {"Name": list(channels)}, "UUID": str(uuid.UUID(int=0))}
    if um_per_px:
        metadata |= to_ome(um_per_px)
    # OME has no half floats and no 64-bit integers; those get tifffile's own description
    ome = str(pixels.dtype) in OME_TYPES
    metadata = metadata if ome else {"axes": "CYX", "channels": list(channels)}
    buffer = BytesIO()
    tifffile.imwrite(buffer, pixels, ome=ome, photometric="minisblack", metadata=metadata)
    return buffer.getvalue()


def _annotated(picture: np.ndarray, inside: np.ndarray, colour: str, um_per_px: float | None) -> np.ndarray:
    factor = max(1, math.ceil(SHOWN_PX / max(inside.shape)))
    # a frame of one pixel, because a tight crop has no background for the outline to end at
    framed, cell = np.pad(picture, ((1, 1), (1, 1), (0, 0))), np.pad(inside, 1).astype(np.int32)
    shown = draw_outlines(magnify(framed, factor), magnify(cell, factor), colour, width_px=2)
    missing = max(SHOWN_PX - shown.shape[1], 0)
    shown = np.pad(shown, ((0, 0), (missing // 2, missing - missing // 2), (0, 0)))
    return scale_bar(shown, um_per_px / factor) if um_per_px else shown


def _caption(row: pd.Series, name: str) -> list[str]:
    label = row.get("label", "")
    p = row.get(f"p_{label}", math.nan)
    sure = f"p({label}) {p:.2f}" if isinstance(label, str) and label and not math.isnan(p) else ""
    by_hand = " (by hand)" if row.get("manual_label", "") else ""
    reason = textwrap.wrap(row["qc_reason"], CAPTION_LETTERS) if name == REJECTED else []
    return [f"cell {row.name}: {name}{by_hand}", *(reason or [sure])]


def _manifest(cells: pd.DataFrame, counted_as: pd.Series, digests: list[str]) -> pd.DataFrame:
    ids = cells.index.astype(str)
    columns = [
        "label",
        "manual_label",
        *(f"p_{name}" for name in classes_of(cells)),
        "set",
        "unsure",
        "unlike_training",
    ]
    table = pd.DataFrame({"file": "raw/" + ids + ".tif", "annotated": "annotated/" + ids + ".png"}, index=cells.index)
    return table.join(cells[[name for name in columns if name in cells]]).assign(
        outcome=counted_as, qc_reason=cells["qc_reason"], sha256=pd.Series(digests, cells.index, dtype=object),
        **{name: cells[name] for name in BOX_COLUMNS},
    )  # fmt: skip


def _add(archive: zipfile.ZipFile, name: str, content: bytes, compression: int) -> None:
    entry = zipfile.ZipInfo(name)  # dated 1980: the clock is no part of the result
    entry.compress_type, entry.external_attr = compression, 0o644 << 16
    archive.writestr(entry, content, compresslevel=1)
