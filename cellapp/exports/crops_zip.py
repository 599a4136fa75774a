"""crops.zip: every cell as raw pixels and as a picture with its outline and class, and a manifest.

It is written by one process, or from parts that several processes have drawn: the bytes are the same.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

from cellapp.cells.counts import classes_of, outcome
from cellapp.cells.region_reader import PixelSource, cached_reader
from cellapp.cells.shape import BOX_COLUMNS
from cellapp.compute.executor import n_cores
from cellapp.exports.crop_files import CropLook, shown_columns, write_files
from cellapp.exports.crop_parts import CropParts
from cellapp.exports.tables import write_csv
from cellapp.exports.zip_entries import append, entry_of
from cellapp.files import atomic_write
from cellapp.rendering.composition import ImageStyle
from cellapp.settings import CropSettings
from cellapp.types.cells import LabelMask
from cellapp.types.image import OnStep, Slide

CROPS = "crops.zip"
"""In the folder of an image, where its crops are made."""


def has_crops(folder: Path) -> bool:
    """Whether the crops of an image are there, given its folder."""
    return (folder / CROPS).is_file()


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
    parts: Iterable[Path] = (),
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
    parts : iterable of Path, optional
        Files of `cellapp.exports.crop_parts` that hold all the cells, drawn with the same look: they are copied, and
        no pixel is read.

    Returns
    -------
    Path
        A zip of ``raw/<cell_id>.tif`` (native dtype, axes CYX, channel names as OME metadata),
        ``annotated/<cell_id>.png`` and ``manifest.csv``. The same input gives the same bytes.
    """
    counted_as, drawn = outcome(cells), list(parts)
    look = CropLook.of(style, settings, classes, um_per_px)
    with atomic_write(path) as part, zipfile.ZipFile(part, "w") as archive:
        if drawn:
            digests = [*CropParts(drawn).copy(cells.index, archive)]
        else:
            digests = [*_draw(archive, source, mask, shown_columns(cells, counted_as), look, on_step)]
        table = _manifest(cells, counted_as, [digest.hex() for digest in digests])
        manifest = write_csv(table, part.with_name("manifest.csv"))
        append(archive, entry_of(manifest.name, manifest.read_bytes(), zipfile.ZIP_DEFLATED))
    return path


def _draw(
    archive: zipfile.ZipFile,
    source: PixelSource | Slide | np.ndarray,
    mask: LabelMask,
    cells: pd.DataFrame,
    look: CropLook,
    on_step: OnStep | None,
) -> Iterator[bytes]:
    """Draw all cells on every core; blocks of pixels once decoded are kept for the next cells."""

    def tell(row: int) -> None:
        if on_step:
            on_step("Writing crops", row / len(cells))

    read = cached_reader(source, mask.labels.shape)
    with ThreadPoolExecutor(n_cores()) as pool:
        yield from write_files(archive, read, mask, cells, look, each=pool.map, before_batch=tell)


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
