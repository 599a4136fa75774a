"""Small pictures for the card of a network: true outlines and found ones, of its worst and its best image of a kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.segmentation import find_boundaries

from cellapp.pipeline.segment_slide import segment_image
from cellapp.settings import AnalyseSettings
from cellapp.training.segmenter.labelled_image import Kind, LabelledImage
from cellapp.types.protocols import Segmenter

SIDE_PX = 200  # of the part that is shown
ZOOM = 2  # of a picture with one panel
GAP_PX = 4  # between panels
LEAST_CELLS = 5  # in an image that stands for the good ones of its kind, and in the part of it that is shown
TRUE_RGB, PREDICTED_RGB = (
    (0, 158, 115),
    (230, 159, 0),
)  # Okabe and Ito 2008: green and orange, distinguished by most eyes
N_GRAYS = 16  # keeps the files small


def worst_images(ap50: Mapping[LabelledImage, float]) -> dict[Kind, LabelledImage]:
    """Return the image of each kind with the lowest average precision."""
    worst: dict[Kind, LabelledImage] = {}
    for image in sorted(ap50, key=ap50.__getitem__):
        worst.setdefault(image.kind, image)
    return worst


def best_images(ap50: Mapping[LabelledImage, float]) -> dict[Kind, LabelledImage]:
    """Return the image of each kind with the highest average precision, of those with several cells.

    A kind with one such image has no best one: it is its worst.
    """
    several = [image for image in ap50 if image.labels.max(initial=0) >= LEAST_CELLS]
    best: dict[Kind, LabelledImage] = {}
    for image in sorted(several, key=ap50.__getitem__, reverse=True):
        best.setdefault(image.kind, image)
    worst = worst_images(ap50)
    return {kind: image for kind, image in best.items() if worst[kind] is not image}


def draw_failure(segmenter: Segmenter, labelled: LabelledImage, path: Path) -> None:
    """Write the part of an image where truth and segmenter differ most, as a small PNG.

    Parameters
    ----------
    segmenter : Segmenter
    labelled : LabelledImage
    path : Path
        True outlines are green, predicted ones orange and on top.
    """
    predicted = _predict(segmenter, labelled)
    window = worst_window((predicted > 0) != (labelled.labels > 0))
    _save(_panel(labelled, predicted, window, ZOOM), path)


def draw_compared(segmenters: Sequence[Segmenter], labelled: LabelledImage, path: Path, *, good: bool = False) -> None:
    """Write the same part of an image as each segmenter outlines it, side by side, as a small PNG.

    Parameters
    ----------
    segmenters : sequence of Segmenter
        From left to right.
    labelled : LabelledImage
    path : Path
        Colours are those of `draw_failure`.
    good : bool
        Show the part with most cells in place of that where truth and the last segmenter differ most.
    """
    predicted = [_predict(segmenter, labelled) for segmenter in segmenters]
    window = worst_window(labelled.labels > 0 if good else (predicted[-1] > 0) != (labelled.labels > 0))
    panels = [_panel(labelled, one, window, 1) for one in predicted]
    gap = np.full((len(panels[0]), GAP_PX), N_GRAYS - 1, np.uint8)
    _save(np.hstack([part for panel in panels for part in (gap, panel)][1:]), path)


def _predict(segmenter: Segmenter, labelled: LabelledImage) -> np.ndarray:
    return segment_image(labelled.slide, segmenter, AnalyseSettings()).labels


def _panel(labelled: LabelledImage, predicted: np.ndarray, window: tuple[slice, slice], zoom: int) -> np.ndarray:
    """Return indices of the palette, (Y, X) uint8: grays, then the two colours of outlines."""
    gray = labelled.slide.region()[:, *window].mean(axis=0)
    low, high = np.percentile(gray, (0.5, 99.5))
    indices = _enlarge((N_GRAYS * np.clip((gray - low) / max(high - low, 1e-6), 0, 0.999)).astype(np.uint8), zoom)
    for at, labels in enumerate((labelled.labels, predicted)):
        indices[find_boundaries(_enlarge(labels[window], zoom), mode="inner")] = N_GRAYS + at
    return indices


def _save(indices: np.ndarray, path: Path) -> None:
    image = Image.fromarray(indices, mode="P")
    grays = np.linspace(0, 255, N_GRAYS).astype(int).repeat(3).tolist()
    image.putpalette([*grays, *TRUE_RGB, *PREDICTED_RGB])
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, optimize=True)


def _enlarge(plane: np.ndarray, zoom: int) -> np.ndarray:
    return np.repeat(np.repeat(plane, zoom, axis=0), zoom, axis=1)


def worst_window(wrong: np.ndarray) -> tuple[slice, slice]:
    """Find the square of `SIDE_PX` with the most pixels of a mask, (Y, X) bool, on a grid of half its side."""
    sides = [min(SIDE_PX, length) for length in wrong.shape]
    total = np.pad(wrong.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    starts = [np.unique([*range(0, n - s + 1, SIDE_PX // 2), n - s]) for n, s in zip(wrong.shape, sides, strict=True)]
    y, x = np.meshgrid(*starts, indexing="ij")
    inside = total[y + sides[0], x + sides[1]] - total[y, x + sides[1]] - total[y + sides[0], x] + total[y, x]
    at = np.unravel_index(inside.argmax(), inside.shape)
    return slice(y[at], y[at] + sides[0]), slice(x[at], x[at] + sides[1])
