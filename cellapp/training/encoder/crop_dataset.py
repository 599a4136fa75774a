"""Pictures of single cells in memory: what pretraining reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import find_objects

from cellapp.encoders.crop_folder import encoder_batches, list_crops
from cellapp.errors import InputError
from cellapp.files import atomic_write
from cellapp.settings import PreprocessSettings

STORED_PX = 80  # a little above what the encoder reads, so that zooming in stays sharp
MARGIN = 1.2  # a window is this much wider than the cell
_MIN_WINDOW_PX = 12


@dataclass(frozen=True, eq=False)
class CropSet:
    """Single cells with where they are, what they are called and what they come from."""

    pixels: np.ndarray  # (N, 4, S, S) uint8: three planes as an encoder reads them, then 255 where the cell is
    labels: np.ndarray  # (N,) str, "" where nothing is known; read by the kNN curve alone, never by the training
    groups: np.ndarray  # (N,) str, the image a cell comes from
    sources: np.ndarray  # (N,) str, the set it comes from; all sources are drawn by the recipe's shares

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, rows: np.ndarray) -> CropSet:
        """Select rows, by a mask or numbers."""
        return CropSet(self.pixels[rows], self.labels[rows], self.groups[rows], self.sources[rows])

    def save(self, path: Path) -> None:
        """Write the set to one ``.npz`` file, whole or not at all."""
        with atomic_write(path) as part:
            np.savez(part, pixels=self.pixels, labels=self.labels, groups=self.groups, sources=self.sources)

    @classmethod
    def load(cls, path: Path) -> CropSet:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as kept:
            return cls(kept["pixels"], kept["labels"], kept["groups"], kept["sources"])


def join_sets(parts: Sequence[CropSet]) -> CropSet:
    """Put sets together, in order.

    Parameters
    ----------
    parts : sequence of CropSet

    Raises
    ------
    InputError
        When there is not a single cell.
    """
    if not sum(map(len, parts)):
        raise InputError("no cell to learn from: name a folder of crops, or check the sources of the recipe")
    columns = ("pixels", "labels", "groups", "sources")
    return CropSet(*(np.concatenate([getattr(part, column) for part in parts]) for column in columns))


def cut_windows(planes: np.ndarray, labels: np.ndarray, cell_ids: Sequence[int]) -> np.ndarray:
    """Cut a square window around each cell, wide enough to be turned, with the cell's own mask as fourth plane.

    Parameters
    ----------
    planes : ndarray of shape (3, Y, X), float32
        0 to 1.
    labels : ndarray of shape (Y, X), integer
    cell_ids : sequence of int
        Labels to cut.

    Returns
    -------
    ndarray of shape (N, 4, S, S), uint8
        Outside the image everything is 0.
    """
    found = np.zeros((len(cell_ids), 4, STORED_PX, STORED_PX), np.uint8)
    boxes = _boxes(labels)
    for row, cell_id in zip(found, cell_ids, strict=True):
        (y0, y1), (x0, x1) = boxes[cell_id]
        side = max(_MIN_WINDOW_PX, round(MARGIN * max(y1 - y0, x1 - x0)))
        window = _window(planes, labels, ((y0 + y1 - side) // 2, (x0 + x1 - side) // 2), side)
        window[3] = window[3] == cell_id
        row[...] = [shrink(plane) for plane in window]
    return found


def read_crops(folder: Path, *, side_px: int = STORED_PX) -> CropSet:
    """Read a folder of pictures, one cell each, scaled by its own intensities as `embed` reads them.

    Folders directly below are classes, if there are any. A cell is where any plane is not zero.

    Parameters
    ----------
    folder : Path
    side_px : int
        Side of the squares they are kept as, at least what the encoder reads.

    Raises
    ------
    InputError
        When there are no pictures or one cannot be read.
    """
    paths = list_crops(folder)
    parts = [pixels for pixels, _ in encoder_batches(paths, PreprocessSettings(), side_px)]
    planes = np.rint(255 * np.concatenate(parts)).astype(np.uint8)
    inside = 255 * planes.any(axis=1, keepdims=True).astype(np.uint8)
    relative = [path.relative_to(folder) for path in paths]
    labels = [path.parts[0] if len(path.parts) > 1 else "" for path in relative]
    return CropSet(
        np.concatenate([planes, inside], axis=1),
        np.array(labels, dtype=str),
        np.array([path.as_posix() for path in relative], dtype=str),
        np.full(len(paths), folder.name),
    )


def shrink(plane: np.ndarray) -> np.ndarray:
    """Scale a square plane, 0 to 1, to `STORED_PX` and 0 to 255."""
    # Pillow widens its bilinear kernel when it shrinks, so that fine texture does not alias.
    small = Image.fromarray(plane).resize((STORED_PX, STORED_PX), Image.Resampling.BILINEAR)
    return np.rint(255 * np.clip(np.asarray(small), 0, 1)).astype(np.uint8)


def _boxes(labels: np.ndarray) -> dict[int, tuple[tuple[int, int], tuple[int, int]]]:
    found = find_objects(labels.astype(np.int32))
    return {at + 1: ((box[0].start, box[0].stop), (box[1].start, box[1].stop)) for at, box in enumerate(found) if box}


def _window(planes: np.ndarray, labels: np.ndarray, corner: tuple[int, int], side: int) -> np.ndarray:
    """Return planes and labels in a square, (4, side, side) float32, zeros outside the image."""
    window = np.zeros((4, side, side), np.float32)
    (y, x), (height, width) = corner, labels.shape
    here = (slice(max(y, 0), min(y + side, height)), slice(max(x, 0), min(x + side, width)))
    there = (slice(here[0].start - y, here[0].stop - y), slice(here[1].start - x, here[1].stop - x))
    window[(slice(3), *there)], window[(3, *there)] = planes[(slice(None), *here)], labels[here]
    return window
