"""Crops of cells without one of their parts, in the pixels that an encoder reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.ndimage import distance_transform_edt, gaussian_filter

from cellapp.explanation.compartments import EDGE_WIDTH

BLUR = 0.25
"""Width of the blur that removes texture, in radii of a disc of the area of the part that is blurred."""

MOST_GAIN = 3.0
"""A dark nucleus is brightened by at most this factor, or its noise would look like texture."""

_LEAST = 1e-6  # weight of known pixels below which nothing near is known


@dataclass(frozen=True, eq=False)
class CutCell:
    """One cell as it is cut for an encoder."""

    pixels: np.ndarray  # (C, h, w) floating point, 0 to 1
    inside: np.ndarray  # (h, w) bool, True on the cell
    nucleus: np.ndarray  # (h, w) bool, True on its nucleus; nowhere where none was found
    dyed: tuple[int, ...] = ()  # channels that show nuclei


def without_nucleus(cell: CutCell, levels: np.ndarray) -> np.ndarray:
    """Blacken the channels that show nuclei, and in others give the place of the nucleus the brightness around it.

    What lies above and below the nucleus, such as fibres, stays: only the brightness that the nucleus lends its place
    in other channels, or takes from it, is evened out, up to a factor of `MOST_GAIN`.
    """
    removed = _with_rim(cell)
    known = cell.inside & ~removed
    pixels = cell.pixels.copy()
    for plane in pixels:
        own, around = (_smoothed(plane, part, _radius(removed) / width) for part, width in ((removed, 2), (known, 1)))
        gain = np.clip(np.divide(around, own, out=np.ones_like(own), where=own > _LEAST), 0, MOST_GAIN)
        plane[removed] = np.clip(plane * gain + around - own * gain, 0, 1)[removed]
    for channel in cell.dyed:
        pixels[channel][cell.inside] = 0
    return pixels


def without_cytoplasm(cell: CutCell, levels: np.ndarray) -> np.ndarray:
    """Leave the nucleus with its rim, and put what surrounds the cell in place of the rest of it."""
    removed = cell.inside & ~_with_rim(cell)
    around = ~cell.inside
    filling = np.median(cell.pixels[:, around], axis=1) if around.any() else np.zeros(len(cell.pixels))
    return np.where(removed, filling[:, None, None], cell.pixels).astype(cell.pixels.dtype)


def without_texture(cell: CutCell, levels: np.ndarray) -> np.ndarray:
    """Blur nucleus and the rest of the cell, each by itself, so that their outlines stay."""
    pixels = cell.pixels.copy()
    for part in (cell.nucleus & cell.inside, cell.inside & ~cell.nucleus):
        for plane in pixels:
            plane[part] = _smoothed(plane, part, BLUR * _radius(part))[part]
    return pixels


def without_interior(cell: CutCell, levels: np.ndarray) -> np.ndarray:
    """Give the whole cell one brightness per channel, that of `levels`: only its shape is left."""
    return np.where(cell.inside, levels[:, None, None], cell.pixels).astype(cell.pixels.dtype)


PARTS: Mapping[str, Callable[[CutCell, np.ndarray], np.ndarray]] = {
    "nucleus": without_nucleus,
    "cytoplasm": without_cytoplasm,
    "texture": without_texture,
    "interior": without_interior,
}
"""What can be removed by name; each takes a cell and the mean brightness of cells, (C,), and returns (C, h, w)."""

PART_NAMES = {
    "nucleus": "the nucleus removed",
    "cytoplasm": "the cytoplasm removed",
    "texture": "texture removed by blur",
    "interior": "only the shape left",
}
NEED_NUCLEUS = ("nucleus", "cytoplasm")
"""Parts that only cells with a nucleus have."""


P, CALL, CHANNEL = "p", "call", "channel_"
"""Columns of the probability of the class explained and of the class called, and what precedes the name of a channel
where it stands beside parts."""

WITHOUT = "_without_"
"""Between `P` or `CALL` and what was removed."""


def removed_of(table: pd.DataFrame) -> list[str]:
    """Return what was removed from the cells of a table: parts, and channels after `CHANNEL`."""
    return [name.removeprefix(P + WITHOUT) for name in table if name.startswith(P + WITHOUT)]


def mean_level(cell: CutCell) -> np.ndarray:
    """Return the mean of each channel on the cell, (C,); zeros for a cell without pixels."""
    return cell.pixels[:, cell.inside].mean(axis=1) if cell.inside.any() else np.zeros(len(cell.pixels))


def _with_rim(cell: CutCell) -> np.ndarray:
    width = max(1.0, EDGE_WIDTH * _radius(cell.nucleus))
    if not cell.nucleus.any():
        return np.zeros_like(cell.inside)
    return cell.inside & (distance_transform_edt(~cell.nucleus) <= width)


def _radius(mask: np.ndarray) -> float:
    return float(np.sqrt(mask.sum() / np.pi))


def _smoothed(plane: np.ndarray, known: np.ndarray, sigma: float) -> np.ndarray:
    """Blur the known pixels of a plane, (h, w), and go on beyond them; zero where nothing near is known."""
    weight = gaussian_filter(known.astype(np.float64), sigma, truncate=6)
    total = gaussian_filter(np.where(known, plane, 0).astype(np.float64), sigma, truncate=6)
    return np.divide(total, weight, out=np.zeros_like(total), where=weight > _LEAST)
