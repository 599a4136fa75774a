"""Score a segmenter and the classical baseline on validation images, by kind of image, and draw the worst cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import bootstrap

from cellapp.pipeline.segment_slide import segment_image
from cellapp.segmentation.classical import Classical
from cellapp.segmentation.metrics import Score, score_labels
from cellapp.settings import AnalyseSettings
from cellapp.training.segmenter.labelled_image import Kind, LabelledImage
from cellapp.training.segmenter.pictures import best_images, draw_compared, draw_failure, worst_images
from cellapp.training.segmenter.source_images import read_labelled_images
from cellapp.types.image import OnStep
from cellapp.types.protocols import Segmenter

N_SYNTHETIC = 8
RESAMPLES = 2000


def evaluate_segmenter(
    segmenter: Segmenter,
    data: Path,
    *,
    n_synthetic: int = N_SYNTHETIC,
    n_label_free: int = 0,
    held_out: float = 0.0,
    failures: Path | None = None,
    examples: Path | None = None,
    before: Segmenter | None = None,
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
    examples : Path, optional
        Folder for drawings of the best and the worst image of each kind: by the classical segmenter, by `before` where
        it is given, and by this one.
    before : Segmenter, optional
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
    _draw(scores, [Classical(), *([before] if before else []), segmenter], failures, examples)
    kinds = [kind for kind in Kind if any(image.kind is kind for image in scores)]
    return {
        "segmenter": segmenter.name,
        "split": split,
        "n_synthetic": n_synthetic,
        "n_label_free": n_label_free,
        "kinds": {kind.value: _figures([score for one, score in scores.items() if one.kind is kind]) for kind in kinds},
        "images": {image.name: round(score["segmenter"].ap50, 4) for image, score in scores.items()},
    }


def _draw(
    scores: Mapping[LabelledImage, dict[str, Score]],
    segmenters: Sequence[Segmenter],
    failures: Path | None,
    examples: Path | None,
) -> None:
    ap50 = {image: score["segmenter"].ap50 for image, score in scores.items()}
    worst = worst_images(ap50)
    for kind, image in worst.items() if failures else ():
        draw_failure(segmenters[-1], image, failures / f"{kind}.png")
    for kind, image in worst.items() if examples else ():
        draw_compared(segmenters, image, examples / f"{kind}_bad.png")
    for kind, image in best_images(ap50).items() if examples else ():
        draw_compared(segmenters, image, examples / f"{kind}_good.png", good=True)


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
