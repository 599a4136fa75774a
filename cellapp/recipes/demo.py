"""Make the demonstration head from synthetic slides: minutes on two cores, no data, no network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellapp.classification.head import LinearHead
from cellapp.classification.head_files import save_head
from cellapp.classification.predict import predict
from cellapp.classification.train import LabelledVectors, Purpose, fit
from cellapp.classification.validate import measure_calls
from cellapp.loading import load
from cellapp.recipes.demo_card import head_card, recipe_toml
from cellapp.recipes.synthetic_cells import CROP, PREPROCESS, LabelledCells, cut_cells, join_cells, vary
from cellapp.settings import DEFAULT_ENCODER, ClassifySettings
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types import POSITIVE_CLASS, Encoder, OnStep

HEAD, SEGMENTER = "demo-head", "compact"
TRAINED_ON = "Trained only on synthetic cells: its calls on real cells mean nothing. Not for diagnosis."


@dataclass(frozen=True)
class DemoRecipe:
    """Numbers of the recipe; slides of the two uses have different seeds and so share no cell."""

    n_head_slides: int = 40
    n_test_slides: int = 9
    slide_px: int = 640
    demo_px: int = 1024  # side of the slide with the settings of `cellapp demo`
    seed: int = 0

    def slides(self, use: int, n_slides: int) -> list[SyntheticSettings]:
        """Choose slides for use 2 (head) or 3 (test); pretraining has slides of other seeds."""
        first = 100_000 * (self.seed + 1) + 10_000 * use
        return [vary(first + i, side_px=self.slide_px) for i in range(n_slides)]


def train_demo(out: Path, recipe: DemoRecipe | None = None, on_step: OnStep | None = None) -> dict[str, Any]:
    """Train the head on the bundled encoder and write it with card, figures and this recipe.

    Parameters
    ----------
    out : Path
        Gets the folder ``demo-head``.
    recipe : DemoRecipe, optional
    on_step : callable, optional

    Returns
    -------
    dict
        Figures on slides the head has not seen, as written to ``metrics.json``.
    """
    recipe, tell = recipe or DemoRecipe(), on_step or (lambda step, fraction: None)
    encoder, segmenter = load(DEFAULT_ENCODER, dtype="float32"), load(SEGMENTER, dtype="float32")
    tell("Rendering slides for the head", 0.0)
    cells = cut_cells(recipe.slides(2, recipe.n_head_slides), segmenter)
    head = _make_head(Path(out) / HEAD, encoder, cells, recipe.seed)
    tell("Testing on unseen slides", 0.6)
    test = [cut_cells([slide], segmenter) for slide in recipe.slides(3, recipe.n_test_slides)]
    demo = SyntheticSettings(seed=recipe.seed, height=recipe.demo_px, width=recipe.demo_px)
    figures = {
        "encoder": encoder.identity,
        "head": head.identity,
        "segmenter": segmenter.name,
        "n_head_cells": len(cells),
        "held_out_slides": evaluate(encoder, head, join_cells(test)),
        "first_test_slide": evaluate(encoder, head, test[0]),
        "default_slide": evaluate(encoder, head, cut_cells([demo], segmenter)),
        "head_cross_validation": head.metrics,
    }
    _write_papers(Path(out) / HEAD, recipe, figures)
    return figures


def evaluate(encoder: Encoder, head: LinearHead, cells: LabelledCells) -> dict[str, Any]:
    """Measure the head on labelled crops.

    Returns
    -------
    dict
        See `measure_calls`, with the share of cells that are unsure or unlike the training cells.
    """
    embeddings = encoder.embed(cells.pixels, np.arange(len(cells), dtype=np.int32))
    predictions = predict(head, embeddings, ClassifySettings())
    codes = np.array([head.classes.index(label) for label in cells.labels])
    return measure_calls(predictions.probabilities, codes, head.classes, head.positive) | {
        "unsure": round(float(predictions.unsure.mean()), 4),
        "unlike_training": round(float(predictions.unlike_training.mean()), 4),
    }


def _make_head(folder: Path, encoder: Encoder, cells: LabelledCells, seed: int) -> LinearHead:
    features = encoder.embed(cells.pixels, np.arange(len(cells), dtype=np.int32)).features
    purpose = Purpose(HEAD, encoder.identity, TRAINED_ON, CROP, PREPROCESS, POSITIVE_CLASS)
    data = LabelledVectors(features, cells.labels.tolist(), cells.slides.tolist())
    return save_head(fit(data, purpose, seed=seed), folder)


def _write_papers(folder: Path, recipe: DemoRecipe, figures: Mapping[str, Any]) -> None:
    (folder / "card.md").write_text(head_card(figures, TRAINED_ON), encoding="utf-8")
    (folder / "recipe.toml").write_text(recipe_toml(asdict(recipe)), encoding="utf-8")
    (folder / "metrics.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
