"""Pictures of where a segmenter fails: the worst image of each kind, true and found outlines on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.segmentation import find_boundaries

from cellapp.pipeline.segment_slide import segment_image
from cellapp.settings import AnalyseSettings
from cellapp.training.segmenter.source_images import Kind, LabelledImage
from cellapp.types.protocols import Segmenter

SIDE_PX = 200  # of the part that is shown
ZOOM = 2
TRUE_RGB, FOUND_RGB = (0, 158, 115), (230, 159, 0)  # Okabe and Ito 2008: green and orange, told apart by most eyes
N_GRAYS = 16  # keeps the files small


def worst_pictures(ap50: Mapping[LabelledImage, float]) -> dict[Kind, LabelledImage]:
    """Choose the picture of each kind with the lowest average precision."""
    worst: dict[Kind, LabelledImage] = {}
    for picture in sorted(ap50, key=ap50.__getitem__):
        worst.setdefault(picture.kind, picture)
    return worst


def draw_failure(segmenter: Segmenter, picture: LabelledImage, path: Path) -> None:
    """Write the part of a picture where truth and segmenter differ most, as a small PNG.

    Parameters
    ----------
    segmenter : Segmenter
    picture : Picture
    path : Path
        True outlines are green, found ones orange and on top.
    """
    found = segment_image(picture.slide, segmenter, AnalyseSettings()).labels
    rows, columns = _window((found > 0) != (picture.labels > 0))
    gray = picture.slide.region()[:, rows, columns].mean(axis=0)
    low, high = np.percentile(gray, (0.5, 99.5))
    shown = _enlarge((N_GRAYS * np.clip((gray - low) / max(high - low, 1e-6), 0, 0.999)).astype(np.uint8))
    for at, labels in enumerate((picture.labels, found)):
        shown[find_boundaries(_enlarge(labels[rows, columns]), mode="inner")] = N_GRAYS + at
    image = Image.fromarray(shown, mode="P")
    grays = np.linspace(0, 255, N_GRAYS).astype(int).repeat(3).tolist()
    image.putpalette([*grays, *TRUE_RGB, *FOUND_RGB])
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, optimize=True)


def _enlarge(plane: np.ndarray) -> np.ndarray:
    return np.repeat(np.repeat(plane, ZOOM, axis=0), ZOOM, axis=1)


def _window(wrong: np.ndarray) -> tuple[slice, slice]:
    """Find the square of `SIDE_PX` with the most wrong pixels, on a grid of half its side."""
    sides = [min(SIDE_PX, length) for length in wrong.shape]
    total = np.pad(wrong.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    starts = [np.unique([*range(0, n - s + 1, SIDE_PX // 2), n - s]) for n, s in zip(wrong.shape, sides, strict=True)]
    y, x = np.meshgrid(*starts, indexing="ij")
    inside = total[y + sides[0], x + sides[1]] - total[y, x + sides[1]] - total[y + sides[0], x] + total[y, x]
    at = np.unravel_index(inside.argmax(), inside.shape)
    return slice(y[at], y[at] + sides[0]), slice(x[at], x[at] + sides[1])
