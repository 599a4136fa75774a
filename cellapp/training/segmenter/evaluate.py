"""Figures of a segmenter on the validation images, by kind of image, beside the classical one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import bootstrap

from cellapp.pipeline.segment_slide import segment_image
from cellapp.segmentation.classical import Classical
from cellapp.segmentation.metrics import Score, score_labels
from cellapp.settings import AnalyseSettings
from cellapp.training.segmenter.source_images import Kind, LabelledImage, read_labelled_images
from cellapp.training.segmenter.worst_cases import draw_failure, worst_pictures
from cellapp.types.image import OnStep
from cellapp.types.protocols import Segmenter

N_SYNTHETIC = 8
RESAMPLES = 2000


def evaluate_segmenter(
    segmenter: Segmenter,
    data: Path,
    *,
    n_synthetic: int = N_SYNTHETIC,
    held_out: float = 0.0,
    failures: Path | None = None,
    on_step: OnStep | None = None,
) -> dict[str, Any]:
    """Score a segmenter on every validation image as `analyse` would run it, diameter and all left to itself.

    Parameters
    ----------
    segmenter : Segmenter
    data : Path
        See `cellapp.training.segmenter.source_images.read_labelled_images`; the split ``val`` is read and nothing else.
    n_synthetic : int
        Synthetic fields, from seeds that training does not use.
    held_out : float
        When above 0, score that share of the training images instead, which a recipe with the same share leaves out:
        what settings and designs are chosen by.
    failures : Path, optional
        Folder for a picture of the worst image of each kind.
    on_step : callable, optional

    Returns
    -------
    dict
        ``kinds``: by kind of image the number of images and, for the segmenter and for ``classical``, the mean over
        images of AP at IoU 0.5 and 0.75 and of Dice, each with a 95 % bootstrap interval over images (None for a single
        image); ``images``: AP at IoU 0.5 of each image; ``segmenter``, ``split``, ``n_synthetic``.

    Raises
    ------
    InputError
        When there is nothing to score.
    """
    baselines = {"segmenter": segmenter, "classical": Classical()}
    scores: dict[LabelledImage, dict[str, Score]] = {}
    split = "choose" if held_out else "val"
    for picture in read_labelled_images(data, split, n_synthetic, held_out):
        scores[picture] = {who: score_picture(rival, picture) for who, rival in baselines.items()}
        if on_step:
            on_step(f"Scored {picture.name}: {picture.kind}", 0.0)
    if failures is not None:
        for kind, picture in worst_pictures({p: score["segmenter"].ap50 for p, score in scores.items()}).items():
            draw_failure(segmenter, picture, failures / f"{kind}.png")
    kinds = [kind for kind in Kind if any(picture.kind is kind for picture in scores)]
    return {
        "segmenter": segmenter.name,
        "split": split,
        "n_synthetic": n_synthetic,
        "kinds": {kind.value: _figures([s for p, s in scores.items() if p.kind is kind]) for kind in kinds},
        "images": {picture.name: round(score["segmenter"].ap50, 4) for picture, score in scores.items()},
    }


def score_picture(segmenter: Segmenter, picture: LabelledImage) -> Score:
    """Segment one picture with every setting at its default and compare with its truth."""
    return score_labels(segment_image(picture.slide, segmenter, AnalyseSettings()).labels, picture.labels)


def _figures(scores: Sequence[dict[str, Score]]) -> dict[str, Any]:
    figures: dict[str, Any] = {"n_images": len(scores), "n_cells": sum(s["segmenter"].n_truth for s in scores)}
    for who in ("segmenter", "classical"):
        figures[who] = {
            name: _mean_with_interval([getattr(score[who], name) for score in scores])
            for name in ("ap50", "ap75", "dice")
        }
    return figures


def _mean_with_interval(values: Sequence[float]) -> dict[str, float | None]:
    mean = float(np.mean(values))
    low = high = None
    if len(values) > 1 and np.ptp(values) > 0:
        chosen = bootstrap((values,), np.mean, n_resamples=RESAMPLES, method="percentile", rng=np.random.default_rng(0))
        low, high = (round(float(limit), 4) for limit in chosen.confidence_interval)
    return {"mean": round(mean, 4), "low": low, "high": high}
