"""Embed cells from windows of the slide, against a crop of each cell: time, and accuracy of the heads.

python -m benchmarks.slide_windows
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import torch

from benchmarks.compare import paired, report
from cellapp.classification.head import LinearHead
from cellapp.classification.predict import predict
from cellapp.evaluation.scores import measure_calls
from cellapp.models.bundle import RunModels
from cellapp.models.load import load_model
from cellapp.pipeline.checkpoint import temporary_checkpoint
from cellapp.pipeline.context import make_context, run_serially
from cellapp.pipeline.embed_cells import embed_cells
from cellapp.settings import AnalyseSettings
from cellapp.training.demo.demo_heads import FAST_HEAD, HEAD, SEGMENTER, DemoRecipe
from cellapp.training.synthetic_cells import LabelledSlide, find_cells
from cellapp.types.cells import Embeddings
from cellapp.types.protocols import Encoder, Segmenter

CROWDED = 0.85
"""Share of a slide that cells would cover if none overlapped; the slides of the recipe have 0.2 to 0.55."""


def embed(slide: LabelledSlide, models: RunModels) -> Embeddings:
    """Embed the cells of one slide as a run does."""
    context = make_context(slide.slide, None, models, AnalyseSettings())
    with temporary_checkpoint() as work:
        return embed_cells(
            context,
            slide.mask,
            slide.cells,
            work,
            run_serially(context),
            on_step=lambda step, fraction: None,
            span=(0.0, 1.0),
        )


def measure_head(slides: Sequence[LabelledSlide], models: RunModels) -> tuple[dict[str, float], list[str]]:
    """Measure the calls of a head on all slides together; also return the calls."""
    head, calls = models.head, [predict(models.head, embed(slide, models)) for slide in slides]
    codes = np.array([head.classes.index(label) for slide in slides for label in slide.labels], dtype=int)
    figures = measure_calls(np.concatenate([c.probabilities for c in calls]), codes, head.classes, head.positive)
    accuracy = {name: figures[name] for name in ("auc", "balanced_accuracy")}
    return accuracy, [label for c in calls for label in c.labels]


def compare(
    slides: Sequence[LabelledSlide], encoder: Encoder, of_crops: LinearHead, of_windows: LinearHead, *, runs: int = 5
) -> dict[str, object]:
    """Embed and call the same cells both ways; neither head has seen the slides."""
    segmenter = load_model("classical")  # cells are slide already
    fast, slow = (RunModels(segmenter, encoder.reading(head.reads), head) for head in (of_windows, of_crops))
    figures = paired(
        lambda: [embed(slide, fast) for slide in slides], lambda: [embed(slide, slow) for slide in slides], runs=runs
    )
    (accuracy_fast, calls_fast), (accuracy_slow, calls_slow) = measure_head(slides, fast), measure_head(slides, slow)
    return figures | {
        "n_cells": len(calls_fast),
        "n_slides": len(slides),
        **{f"ours_{name}": value for name, value in accuracy_fast.items()},
        **{f"theirs_{name}": value for name, value in accuracy_slow.items()},
        "same_calls": round(float(np.mean(np.equal(calls_fast, calls_slow))), 4),
        "encoder": encoder.identity,
    }


def unseen(n: int, segmenter: Segmenter, *, density: float | None = None) -> list[LabelledSlide]:
    """Segment slides that no head was trained on, of the recipe's density or another."""
    changes = {} if density is None else {"density": density}
    return [find_cells(settings.model_copy(update=changes), segmenter) for settings in DemoRecipe().slides(3, n)]


def main() -> None:
    """Measure on slides of the recipe's density and on crowded ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--slides", type=int, default=4)
    parser.add_argument("--threads", type=int, help="processor cores to use; all when left out")
    parser.add_argument("--head", default=HEAD, help="head that reads crops")
    parser.add_argument("--pooled", default=FAST_HEAD, help="head that reads a grid")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    of_crops, of_windows = load_model(arguments.head), load_model(arguments.pooled)
    encoder, segmenter = load_model(of_crops.encoder.split("@")[0]), load_model(SEGMENTER)
    for crowding, density in (("of the recipe", None), ("crowded", CROWDED)):
        slides = unseen(arguments.slides, segmenter, density=density)
        claim = f"embed the cells of unseen synthetic slides, {crowding}: windows pooled by cell, against crops"
        report(claim, "> 1", density=density, **compare(slides, encoder, of_crops, of_windows, runs=arguments.runs))


if __name__ == "__main__":
    main()
