"""What an encoder reads of the cells of analysed images, cut from the images and kept on disk while it is trained."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellapp.exports.run_json import read_run
from cellapp.exports.tables import read_cells
from cellapp.files import atomic_write
from cellapp.models.bundle import RunModels
from cellapp.pipeline.cell_planes import plane_batches
from cellapp.pipeline.context import ImageContext, make_context
from cellapp.segmentation.label_image import read_labels
from cellapp.settings import AnalyseSettings
from cellapp.training.labelled_cells import LabelledCells
from cellapp.types.cells import LabelMask
from cellapp.types.image import OnStep, Slide


@dataclass(frozen=True)
class CellImage:
    """An analysed image that cells can be cut from."""

    folder: Path  # with its labels and its table of cells
    open: Callable[[RunModels], ImageContext]


def analysed_image(folder: Path, open_slide: Callable[[], Slide]) -> CellImage:
    """Return an image that `analyse` has written a folder about, to cut its cells the way they were cut then.

    Parameters
    ----------
    folder : Path
        ``out/<stem>``.
    open_slide : callable
        Opens the image.
    """
    settings = AnalyseSettings.model_validate(read_run(folder / "run.json")["settings"])
    return CellImage(folder, lambda models: make_context(open_slide(), None, models, settings))


def cut_planes(
    cells: LabelledCells, images: Mapping[str, CellImage], models: RunModels, folder: Path, on_step: OnStep
) -> np.ndarray:
    """Cut cells the way their vectors were made, once; a call that finds them in `folder` only opens the file.

    Parameters
    ----------
    cells : LabelledCells
    images : mapping of image name to CellImage
    models : RunModels
        With the encoder.
    folder : Path
        Made where it is not there.
    on_step : callable
        Progress; may raise `Cancelled`.

    Returns
    -------
    ndarray of shape (N, 3, S, S), float16
        0 to 1, in the order of `cells`; mapped from the file.
    """
    lines = [f"{name} {digest}" for name, digest in zip(cells.names, cells.digests, strict=True)]
    path = folder / f"planes-{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()[:12]}.npy"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as part:
            _write(part, cells, images, models, on_step)
    return np.load(path, mmap_mode="r")


def _write(
    path: Path, cells: LabelledCells, images: Mapping[str, CellImage], models: RunModels, on_step: OnStep
) -> None:
    side, of_image = models.encoder.input_px, np.asarray(cells.images, dtype=object)
    planes = np.lib.format.open_memmap(path, "w+", np.float16, (len(cells), 3, side, side))
    for name in dict.fromkeys(cells.images):
        rows, image = np.flatnonzero(of_image == name), images[name]
        context = image.open(models)
        mask = LabelMask(read_labels(image.folder / "labels.tif", context.slide.info.shape[1:]), "")
        table = read_cells(image.folder / "cells.parquet").loc[cells.cell_ids[rows]]
        for at, batch in plane_batches(context, mask, table):
            on_step(f"{name}: Cutting cells", int(rows[0]) / len(cells))
            planes[rows[at]] = batch
    planes.flush()
