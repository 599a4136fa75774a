"""Score a segmenter and the classical baseline on validation images, by kind of image, and draw the worst cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.stats import bootstrap
from skimage.segmentation import find_boundaries

from cellapp.pipeline.segment_slide import segment_image
from cellapp.segmentation.classical import Classical
from cellapp.segmentation.metrics import Score, score_labels
from cellapp.settings import AnalyseSettings
from cellapp.training.segmenter.labelled_image import Kind, LabelledImage
from cellapp.training.segmenter.source_images import read_labelled_images
from cellapp.types.image import OnStep
from cellapp.types.protocols import Segmenter

N_SYNTHETIC = N_LABEL_FREE = 8
RESAMPLES = 2000
SIDE_PX = 200  # of the part that is shown
ZOOM = 2
TRUE_RGB, PREDICTED_RGB = (
    (0, 158, 115),
    (230, 159, 0),
)  # Okabe and Ito 2008: green and orange, distinguished by most eyes
N_GRAYS = 16  # keeps the files small


def evaluate_segmenter(
    segmenter: Segmenter,
    data: Path,
    *,
    n_synthetic: int = N_SYNTHETIC,
    n_label_free: int = 0,
    held_out: float = 0.0,
    failures: Path | None = None,
    on_step: OnStep | None = None,
) -> dict[str, Any]:
    """Score a segmenter on every validation image as `analyse` runs it, with every setting at its default.

    Parameters
    ----------
    segmenter : Segmenter
    data : Path
        See `cellapp.training.segmenter.source_images.read_labelled_images`; the split ``val`` is read and nothing else.
    n_synthetic : int
        Synthetic fields, from seeds that training does not use.
    n_label_free : int
        Images of each kind that an optical model draws, from seeds that training does not use.
    held_out : float
        When above 0, score that share of the training images instead, which a recipe with the same share leaves out:
        for the choice of settings and designs.
    failures : Path, optional
        Folder for a drawing of the worst image of each kind.
    on_step : callable, optional

    Returns
    -------
    dict
        ``kinds``: by kind of image the number of images and, for the segmenter and for ``classical``, the mean over
        images of AP at IoU 0.5 and 0.75, of Dice and IoU, each with a 95 % bootstrap interval over images (None for a
        single image); ``images``: AP at IoU 0.5 of each image; ``segmenter``, ``split``, ``n_synthetic``.

    Raises
    ------
    InputError
        When there is nothing to score.
    """
    segmenters = {"segmenter": segmenter, "classical": Classical()}
    scores: dict[LabelledImage, dict[str, Score]] = {}
    split = "choose" if held_out else "val"
    for image in read_labelled_images(data, split, n_synthetic, held_out, n_label_free=n_label_free):
        scores[image] = {name: score_image(one, image) for name, one in segmenters.items()}
        if on_step:
            on_step(f"Scored {image.name}: {image.kind}", 0.0)
    if failures is not None:
        for kind, image in worst_images({one: score["segmenter"].ap50 for one, score in scores.items()}).items():
            draw_failure(segmenter, image, failures / f"{kind}.png")
    kinds = [kind for kind in Kind if any(image.kind is kind for image in scores)]
    return {
        "segmenter": segmenter.name,
        "split": split,
        "n_synthetic": n_synthetic,
        "n_label_free": n_label_free,
        "kinds": {kind.value: _figures([score for one, score in scores.items() if one.kind is kind]) for kind in kinds},
        "images": {image.name: round(score["segmenter"].ap50, 4) for image, score in scores.items()},
    }


def score_image(segmenter: Segmenter, image: LabelledImage) -> Score:
    """Segment one image with every setting at its default and compare with its truth.

    Cells that lie mostly where nobody labelled are left out.
    """
    found = segment_image(image.slide, segmenter, AnalyseSettings()).labels
    return score_labels(found if image.ignore is None else drop_ignored(found, image.ignore), image.labels)


def drop_ignored(labels: np.ndarray, ignore: np.ndarray) -> np.ndarray:
    """Return labels, (Y, X), without those of which more than half lies in `ignore`, (Y, X) bool."""
    areas = np.bincount(labels.ravel())
    ignored = np.bincount(labels[ignore], minlength=len(areas))
    return np.where(2 * ignored > areas, 0, np.arange(len(areas)))[labels].astype(labels.dtype)


def _figures(scores: Sequence[dict[str, Score]]) -> dict[str, Any]:
    figures: dict[str, Any] = {"n_images": len(scores), "n_cells": sum(s["segmenter"].n_truth for s in scores)}
    for method in ("segmenter", "classical"):
        figures[method] = {
            name: _mean_with_interval([getattr(score[method], name) for score in scores])
            for name in ("ap50", "ap75", "dice", "iou")
        }
    return figures


def _mean_with_interval(values: Sequence[float]) -> dict[str, float | None]:
    mean = float(np.mean(values))
    low = high = None
    if len(values) > 1 and np.ptp(values) > 0:
        result = bootstrap((values,), np.mean, n_resamples=RESAMPLES, method="percentile", rng=np.random.default_rng(0))
        low, high = (round(float(limit), 4) for limit in result.confidence_interval)
    return {"mean": round(mean, 4), "low": low, "high": high}


def worst_images(ap50: Mapping[LabelledImage, float]) -> dict[Kind, LabelledImage]:
    """Return the image of each kind with the lowest average precision."""
    worst: dict[Kind, LabelledImage] = {}
    for image in sorted(ap50, key=ap50.__getitem__):
        worst.setdefault(image.kind, image)
    return worst


def draw_failure(segmenter: Segmenter, labelled: LabelledImage, path: Path) -> None:
    """Write the part of an image where truth and segmenter differ most, as a small PNG.

    Parameters
    ----------
    segmenter : Segmenter
    labelled : LabelledImage
    path : Path
        True outlines are green, predicted ones orange and on top.
    """
    predicted = segment_image(labelled.slide, segmenter, AnalyseSettings()).labels
    rows, columns = _worst_window((predicted > 0) != (labelled.labels > 0))
    gray = labelled.slide.region()[:, rows, columns].mean(axis=0)
    low, high = np.percentile(gray, (0.5, 99.5))
    indices = _enlarge((N_GRAYS * np.clip((gray - low) / max(high - low, 1e-6), 0, 0.999)).astype(np.uint8))
    for at, labels in enumerate((labelled.labels, predicted)):
        indices[find_boundaries(_enlarge(labels[rows, columns]), mode="inner")] = N_GRAYS + at
    image = Image.fromarray(indices, mode="P")
    grays = np.linspace(0, 255, N_GRAYS).astype(int).repeat(3).tolist()
    image.putpalette([*grays, *TRUE_RGB, *PREDICTED_RGB])
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, optimize=True)


def _enlarge(plane: np.ndarray) -> np.ndarray:
    return np.repeat(np.repeat(plane, ZOOM, axis=0), ZOOM, axis=1)


def _worst_window(wrong: np.ndarray) -> tuple[slice, slice]:
    """Find the square of `SIDE_PX` with the most wrong pixels, on a grid of half its side."""
    sides = [min(SIDE_PX, length) for length in wrong.shape]
    total = np.pad(wrong.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    starts = [np.unique([*range(0, n - s + 1, SIDE_PX // 2), n - s]) for n, s in zip(wrong.shape, sides, strict=True)]
    y, x = np.meshgrid(*starts, indexing="ij")
    inside = total[y + sides[0], x + sides[1]] - total[y, x + sides[1]] - total[y + sides[0], x] + total[y, x]
    at = np.unravel_index(inside.argmax(), inside.shape)
    return slice(y[at], y[at] + sides[0]), slice(x[at], x[at] + sides[1])
