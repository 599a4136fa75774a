"""Make the demonstration encoder and head from synthetic slides: minutes on two cores, no data, no network."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from cellapp.classification.head import LinearHead
from cellapp.classification.head_files import save_head
from cellapp.classification.predict import predict
from cellapp.classification.train import LabelledVectors, Purpose, fit
from cellapp.classification.validate import measure_calls
from cellapp.encoders.dino import HubEncoder
from cellapp.encoders.folder import PREPROCESSOR, local_revision
from cellapp.encoders.supervise import Schedule, train_encoder
from cellapp.recipes.demo_cards import encoder_card, head_card, recipe_toml
from cellapp.recipes.synthetic_cells import CROP, PREPROCESS, SIDE_PX, LabelledCells, cut_cells, vary
from cellapp.settings import ClassifySettings
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types import POSITIVE_CLASS, OnStep

ENCODER, HEAD = "demo-vit", "demo-head"
TRAINED_ON = "Trained only on synthetic cells: its calls on real cells mean nothing. Not for diagnosis."
CONFIG: Mapping[str, Any] = {
    "model_type": "dinov2_with_registers",
    "hidden_size": 128,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "mlp_ratio": 4,
    "image_size": SIDE_PX,
    "patch_size": 8,
    "num_register_tokens": 4,
}
_STANDARD = (0.5, 0.5)  # mean and standard deviation of every plane


@dataclass(frozen=True)
class DemoRecipe:
    """Numbers of the recipe; slides of the three uses have different seeds and so share no cell."""

    n_encoder_slides: int = 36
    n_head_slides: int = 14
    n_test_slides: int = 9
    slide_px: int = 640
    demo_px: int = 1024  # side of the slide with the settings of `cellapp demo`
    seed: int = 0
    schedule: Schedule = field(default_factory=Schedule)
    dtype: str = "float32"

    def slides(self, use: int, n_slides: int) -> list[SyntheticSettings]:
        """Choose slides for use 1 (encoder), 2 (head) or 3 (test)."""
        first = 100_000 * (self.seed + 1) + 10_000 * use
        return [vary(first + i, side_px=self.slide_px) for i in range(n_slides)]


def train_demo(out: Path, recipe: DemoRecipe | None = None, on_step: OnStep | None = None) -> dict[str, Any]:
    """Train the encoder and its head and write both with cards, figures and this recipe.

    Parameters
    ----------
    out : Path
        Gets the folders ``demo-vit`` and ``demo-head``.
    recipe : DemoRecipe, optional
    on_step : callable, optional

    Returns
    -------
    dict
        Figures on slides neither encoder nor head has seen, as written to ``metrics.json``.
    """
    recipe, tell = recipe or DemoRecipe(), on_step or (lambda step, fraction: None)
    start = time.perf_counter()
    tell("Rendering slides for the encoder", 0.0)
    cells = cut_cells(recipe.slides(1, recipe.n_encoder_slides))
    encoder = _make_encoder(Path(out) / ENCODER, cells, recipe, on_step)
    tell("Rendering slides for the head", 0.8)
    head = _make_head(Path(out) / HEAD, encoder, cut_cells(recipe.slides(2, recipe.n_head_slides)), recipe)
    tell("Testing on unseen slides", 0.9)
    demo = SyntheticSettings(seed=recipe.seed, height=recipe.demo_px, width=recipe.demo_px)
    figures = {
        "encoder": encoder.identity,
        "head": head.identity,
        "n_encoder_cells": len(cells),
        "seconds": round(time.perf_counter() - start),
        "held_out_slides": evaluate(encoder, head, cut_cells(recipe.slides(3, recipe.n_test_slides))),
        "default_slide": evaluate(encoder, head, cut_cells([demo])),
        "head_cross_validation": head.metrics,
    }
    _write_papers(Path(out), recipe, figures)
    return figures


def evaluate(encoder: HubEncoder, head: LinearHead, cells: LabelledCells) -> dict[str, Any]:
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


def _make_encoder(folder: Path, cells: LabelledCells, recipe: DemoRecipe, on_step: OnStep | None) -> HubEncoder:
    codes = (cells.labels == POSITIVE_CLASS).astype(int)
    schedule = replace(recipe.schedule, seed=recipe.seed)
    network = train_encoder(
        cells.pixels, codes, CONFIG, schedule, standard=_STANDARD, dtype=recipe.dtype, on_step=on_step
    )
    network.half().save_pretrained(folder)
    planes = {"image_mean": [_STANDARD[0]] * 3, "image_std": [_STANDARD[1]] * 3}
    size = {"size": {"height": SIDE_PX, "width": SIDE_PX}, "image_processor_type": "ViTImageProcessor"}
    _write_json(folder / PREPROCESSOR, planes | size)
    return HubEncoder(folder, name=ENCODER, revision=local_revision(folder))


def _make_head(folder: Path, encoder: HubEncoder, cells: LabelledCells, recipe: DemoRecipe) -> LinearHead:
    features = encoder.embed(cells.pixels, np.arange(len(cells), dtype=np.int32)).features
    purpose = Purpose(HEAD, encoder.identity, TRAINED_ON, CROP, PREPROCESS, POSITIVE_CLASS)
    data = LabelledVectors(features, cells.labels.tolist(), cells.slides.tolist())
    return save_head(fit(data, purpose, seed=recipe.seed), folder)


def _write_papers(out: Path, recipe: DemoRecipe, figures: dict[str, Any]) -> None:
    for name, card in ((ENCODER, encoder_card(figures)), (HEAD, head_card(figures, TRAINED_ON))):
        (out / name / "card.md").write_text(card, encoding="utf-8")
        (out / name / "recipe.toml").write_text(recipe_toml(asdict(recipe), CONFIG), encoding="utf-8")
        _write_json(out / name / "metrics.json", figures)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
