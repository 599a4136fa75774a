"""Crops of single cells in memory, the training data of an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import find_objects

from cellapp.encoders.crop_folder import encoder_batches, list_crops, none_readable
from cellapp.errors import InputError
from cellapp.files import atomic_write
from cellapp.settings import PreprocessSettings

STORED_PX = 80  # a little above what the encoder reads, so that zooming in stays sharp
MARGIN = 1.2  # a window is this much wider than the cell
_MIN_WINDOW_PX = 12


@dataclass(frozen=True, eq=False)
class CropSet:
    """N crops of single cells with mask, label, image and source."""

    pixels: np.ndarray  # (N, 4, S, S) uint8: three planes as an encoder reads them, then 255 where the cell is
    labels: np.ndarray  # (N,) str, "" where there is none; used for the kNN curve alone, never for training
    groups: np.ndarray  # (N,) str, the image a cell comes from
    sources: np.ndarray  # (N,) str, the data set it comes from; sources are drawn by the shares of the recipe

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
        with np.load(path, allow_pickle=False) as arrays:
            return cls(arrays["pixels"], arrays["labels"], arrays["groups"], arrays["sources"])


def join_sets(parts: Sequence[CropSet]) -> CropSet:
    """Concatenate sets, in order.

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
    """Cut a square window around each cell, with a margin for rotation and the cell's own mask as fourth plane.

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
    crops = np.zeros((len(cell_ids), 4, STORED_PX, STORED_PX), np.uint8)
    boxes = find_objects(labels.astype(np.int32))
    for row, cell_id in zip(crops, cell_ids, strict=True):
        (y0, y1), (x0, x1) = ((side.start, side.stop) for side in boxes[cell_id - 1])
        side = max(_MIN_WINDOW_PX, round(MARGIN * max(y1 - y0, x1 - x0)))
        window = _window(planes, labels, ((y0 + y1 - side) // 2, (x0 + x1 - side) // 2), side)
        window[3] = window[3] == cell_id
        row[...] = [resize(plane) for plane in window]
    return crops


def read_crops(folder: Path, *, side_px: int = STORED_PX, unreadable: dict[Path, str] | None = None) -> CropSet:
    """Read a folder of pictures of one cell each, each scaled by its own intensities, as `embed` does.

    Names of folders directly below are labels. The mask of a cell is where any plane is not zero.

    Parameters
    ----------
    folder : Path
    side_px : int
        Side of the squares they are resized to, at least what the encoder reads.
    unreadable : dict of Path to str, optional
        See `cellapp.encoders.crop_folder.encoder_batches`.

    Raises
    ------
    InputError
        When there are no pictures that can be read; without `unreadable`, when one cannot.
    """
    paths = list_crops(folder)
    parts = list(encoder_batches(paths, PreprocessSettings(), side_px, unreadable=unreadable))
    if not parts:
        raise none_readable(unreadable or {})
    planes = np.rint(255 * np.concatenate([pixels for pixels, _ in parts])).astype(np.uint8)
    masks = 255 * planes.any(axis=1, keepdims=True).astype(np.uint8)
    relative = [paths[row].relative_to(folder) for _, rows in parts for row in rows]
    labels = [path.parts[0] if len(path.parts) > 1 else "" for path in relative]
    return CropSet(
        np.concatenate([planes, masks], axis=1),
        np.array(labels, dtype=str),
        np.array([path.as_posix() for path in relative], dtype=str),
        np.full(len(relative), folder.name),
    )


def resize(plane: np.ndarray) -> np.ndarray:
    """Resize a square plane, float 0 to 1, to `STORED_PX` and uint8, 0 to 255."""
    # Pillow widens its bilinear kernel when it shrinks, so that fine texture does not alias.
    small = Image.fromarray(plane).resize((STORED_PX, STORED_PX), Image.Resampling.BILINEAR)
    return np.rint(255 * np.clip(np.asarray(small), 0, 1)).astype(np.uint8)


def _window(planes: np.ndarray, labels: np.ndarray, corner: tuple[int, int], side: int) -> np.ndarray:
    """Return planes and labels in a square, (4, side, side) float32, zeros outside the image."""
    window = np.zeros((4, side, side), np.float32)
    (y, x), (height, width) = corner, labels.shape
    in_image = (slice(max(y, 0), min(y + side, height)), slice(max(x, 0), min(x + side, width)))
    in_window = tuple(slice(part.start - at, part.stop - at) for part, at in zip(in_image, corner, strict=True))
    window[(slice(3), *in_window)], window[(3, *in_window)] = planes[(slice(None), *in_image)], labels[in_image]
    return window
