"""Train the demonstration heads on synthetic slides: minutes on two cores, without data or a network connection."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from cellapp.classification.head import LinearHead
from cellapp.classification.head_io import save_head
from cellapp.classification.predict import predict
from cellapp.evaluation.scores import measure_calls
from cellapp.models.load import load_model
from cellapp.settings import DEFAULT_ENCODER, ClassifySettings, CropSettings, FeatureSettings
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.training.classifier.cross_validation import HeadSpec, LabelledVectors, fit
from cellapp.training.synthetic_cells import (
    CROP,
    GRID,
    PREPROCESS,
    LabelledSlide,
    embed_slides,
    find_cells,
    random_settings,
)
from cellapp.types.cells import POSITIVE_CLASS
from cellapp.types.image import OnStep
from cellapp.types.protocols import Encoder

HEAD, FAST_HEAD, SEGMENTER = "demo-head", "demo-head-fast", "compact"
READS: Mapping[str, FeatureSettings] = {HEAD: FeatureSettings(), FAST_HEAD: FeatureSettings(source="grid")}
"""Features that each head reads of the same cells."""

TRAINED_ON = "Trained only on synthetic cells: its calls on real cells mean nothing. Not for diagnosis."
FOR_SHOW = "trained on synthetic cells"


@dataclass(frozen=True)
class DemoRecipe:
    """Numbers of the recipe of both heads; slides for training and for testing are drawn from different seeds."""

    n_head_slides: int = 40
    n_test_slides: int = 9
    slide_px: int = 640
    demo_px: int = 1024  # side of the slide with the settings of `python -m cellapp demo`
    seed: int = 0

    def slides(self, use: int, n_slides: int) -> list[SyntheticSettings]:
        """Draw slides for use 2 (training) or 3 (testing); pretraining has slides of other seeds."""
        first = 100_000 * (self.seed + 1) + 10_000 * use
        return [random_settings(first + i, side_px=self.slide_px) for i in range(n_slides)]


def train_demo(out: Path, recipe: DemoRecipe | None = None, on_step: OnStep | None = None) -> dict[str, Any]:
    """Train both heads on the bundled encoder and write each with card, figures and this recipe.

    Parameters
    ----------
    out : Path
        Gets the folders ``demo-head`` and ``demo-head-fast``.
    recipe : DemoRecipe, optional
    on_step : callable, optional

    Returns
    -------
    dict
        By head: figures on slides it has not seen, as written to its ``metrics.json``.
    """
    recipe, progress = recipe or DemoRecipe(), on_step or (lambda step, fraction: None)
    encoder, segmenter = load_model(DEFAULT_ENCODER, dtype="float32"), load_model(SEGMENTER, dtype="float32")
    progress("Finding cells on slides for the heads", 0.0)
    slides = [find_cells(settings, segmenter) for settings in recipe.slides(2, recipe.n_head_slides)]
    progress("Finding cells on unseen slides", 0.6)
    default = SyntheticSettings(seed=recipe.seed, height=recipe.demo_px, width=recipe.demo_px)
    unseen = [find_cells(settings, segmenter) for settings in [*recipe.slides(3, recipe.n_test_slides), default]]
    figures: dict[str, Any] = {}
    for name in READS:
        progress(f"Training {name}", 0.9)
        head = save_head(fit_head(name, encoder, slides, seed=recipe.seed), Path(out) / name)
        identities = {"encoder": encoder.identity, "head": head.identity, "segmenter": segmenter.name}
        n_cells = sum(len(slide.cells) for slide in slides)
        figures[name] = identities | {"n_head_cells": n_cells, **_test(head, encoder, unseen)}
    for name in READS:
        _write_report(Path(out) / name, recipe, figures[name], figures[HEAD])
    return figures


def evaluate(head: LinearHead, encoder: Encoder, slides: Sequence[LabelledSlide]) -> dict[str, Any]:
    """Measure a head on the cells of labelled slides.

    Parameters
    ----------
    head : LinearHead
    encoder : Encoder
        The one the head was trained on.
    slides : sequence of LabelledSlide
        With cells of every class.

    Returns
    -------
    dict
        See `measure_calls`, with the share of cells that are unsure or unlike the training cells.
    """
    predictions = predict(head, embed_slides(slides, encoder, head.reads), ClassifySettings())
    codes = np.array([head.classes.index(label) for slide in slides for label in slide.labels], dtype=int)
    return measure_calls(predictions.probabilities, codes, head.classes, head.positive) | {
        "unsure": round(float(predictions.unsure.mean()), 4),
        "unlike_training": round(float(predictions.unlike_training.mean()), 4),
    }


def fit_head(name: str, encoder: Encoder, slides: Sequence[LabelledSlide], *, seed: int) -> LinearHead:
    """Train the head of that name, see `READS`, on the cells of labelled slides."""
    crop: CropSettings = GRID if READS[name].source == "grid" else CROP
    purpose = (name, encoder.identity, TRAINED_ON)
    spec = HeadSpec(*purpose, crop, PREPROCESS, POSITIVE_CLASS, READS[name], demonstration=FOR_SHOW)
    labels = [str(label) for slide in slides for label in slide.labels]
    groups = [slide.name for slide in slides for _ in slide.labels]
    return fit(LabelledVectors(embed_slides(slides, encoder, READS[name]).features, labels, groups), spec, seed=seed)


def _test(head: LinearHead, encoder: Encoder, slides: Sequence[LabelledSlide]) -> dict[str, Any]:
    """Measure a head on random slides and on the last one, which has the default settings."""
    varied, default = slides[:-1], slides[-1:]
    parts = {"held_out_slides": varied, "first_test_slide": varied[:1], "default_slide": default}
    figures = {part: evaluate(head, encoder, some) for part, some in parts.items()}
    return figures | {"head_cross_validation": head.metrics}


def _write_report(folder: Path, recipe: DemoRecipe, figures: Mapping[str, Any], of_crops: Mapping[str, Any]) -> None:
    """Write ``card.md``, ``recipe.toml`` and ``metrics.json``."""
    card = demo_card(folder.name, figures, READS[folder.name].source, of_crops)
    call = "from cellapp.training.demo.demo_heads import train_demo; train_demo('models')"
    content = tomli_w.dumps({"command": f'python -c "{call}"', **asdict(recipe)})
    (folder / "card.md").write_text(card, encoding="utf-8")
    (folder / "recipe.toml").write_text(content, encoding="utf-8")
    (folder / "metrics.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


_WARNING = "**Trained only on synthetic cells. Not for diagnosis: what it says of real cells is meaningless.**"

_READS = {
    "crops": "It reads a crop of each cell.",
    "grid": """It reads windows of the slide, edge to edge, and of each
cell mean and standard deviation of the patches it covers: one pass of the encoder for all cells in a window. It is the
fast one; it makes no maps and reads no pictures of single cells. `demo-head`, which reads a crop of each cell, has
{auc} (AUC) and {balanced_accuracy} (balanced accuracy) on the same varied slides.""",
}


def demo_card(name: str, figures: Mapping[str, Any], source: str, of_crops: Mapping[str, Any]) -> str:
    """Write the card of a demonstration head in Markdown, with its figures on unseen slides.

    Parameters
    ----------
    name : str
    figures : mapping
        As in its ``metrics.json``.
    source : str
        "crops" or "grid", see `cellapp.settings.vectors.FeatureSettings`.
    of_crops : mapping
        Figures of the head that reads crops, to compare with.
    """
    held_out, default = figures["held_out_slides"], figures["default_slide"]
    rows = "\n".join(
        f"| {row.replace('_', ' ')} | {held_out[row]} | {default[row]} |"
        for row in ("n", "auc", "balanced_accuracy", "sensitivity", "specificity", "calibration_error", "unsure")
    )
    return f"""# {name}

{_WARNING}

{TRAINED_ON}

A calibrated logistic regression on `{figures["encoder"]}` that calls synthetic cells "cancer" (disordered fibres,
irregular outline and nucleus) or "normal" (aligned fibres, smooth nucleus). It shows what the program does with a head;
train your own on labelled cells for anything else. {_READS[source].format(**of_crops["held_out_slides"])}

Trained on {figures["n_head_cells"]:,} cells of slides that differ in light, noise, crowding, cell size, bit depth and
channels. Figures on synthetic slides the head has not seen, cells found by `{figures["segmenter"]}`, "cancer" as the
positive class:

| | varied slides | default demo slide |
|---|---|---|
{rows}

- The encoder has seen synthetic cells of other slides, without their classes.
- Calibration: one temperature from held-out slides. "Unsure" is a margin below 0.2.
- Unlike training: farther from the class means than 99 % of held-out cells.
- Licence: BSD-3-Clause, as the program.
- Made by: `cellapp.training.demo.demo_heads.train_demo`, numbers in recipe.toml, figures in metrics.json.
"""
